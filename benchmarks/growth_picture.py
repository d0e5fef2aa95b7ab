"""The figure of `growth.py`: time, memory and stored bytes by the size of the table, as SVG."""

import math

WIDTH, HEIGHT = 820, 300
PANELS = (
    ("seconds of the run", lambda row: row["seconds"]),
    ("GiB of the largest task", lambda row: max(row["peaks"].values()) / 2**30),
    ("MB stored by the run", lambda row: row["stored"] / 1e6),
)
TOP, BOTTOM, LEFT, GAP = 56, 46, 46, 62


def picture(rows: list[dict]) -> str:
    """Three panels side by side, both axes logarithmic."""
    width = (WIDTH - LEFT - 2 * GAP - 16) / 3
    parts = [
        panel(name, [(row["customers"], of(row)) for row in rows], LEFT + at * (width + GAP), width)
        for at, (name, of) in enumerate(PANELS)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12.5" fill="#45525e">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def panel(name: str, points: list[tuple[float, float]], left: float, width: float) -> str:
    """One figure as a line over the customers."""
    xs, ys = zip(*points, strict=True)
    low, high = decades(ys)
    first, last = math.log10(min(xs)), math.log10(max(xs))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - first) / max(last - first, 1e-9)
        up = (math.log10(y) - low) / (high - low)
        return left + across * width, HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text x="{left:.0f}" y="30" font-weight="bold">{name}</text>']
    for power in range(low, high + 1):
        _, y = place(xs[0], 10.0**power)
        parts.append(f'<path d="M{left:.0f} {y:.1f}h{width:.0f}" stroke="#e3e7ea"/>')
        parts.append(
            f'<text x="{left - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{short(power)}</text>'
        )
    marks = [place(*point) for point in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in marks)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f6f8b" stroke-width="2"/>')
    for (x, y), (customers, value) in zip(marks, points, strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#1f6f8b"/>')
        parts.append(f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle">{value:.3g}</text>')
        label = f"{customers / 1e6:g} M" if customers >= 1e6 else f"{customers / 1e3:g} k"
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" '
            f'font-size="11">{label}</text>'
        )
    return "\n".join(parts)


def decades(values: tuple[float, ...]) -> tuple[int, int]:
    """The powers of ten around the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def short(power: int) -> str:
    return f"{10.0**power:g}" if power < 4 else f"1e{power}"
