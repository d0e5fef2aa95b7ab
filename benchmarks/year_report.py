"""The simulated year as a table and as a picture."""

import html

import numpy as np
from scipy.special import stdtrit
from year_policies import Best, ByRisk, Loop, MonthResult, Nobody, Once

from churn.words import plural

LOOP, ONCE, NOBODY, RISK, BEST = (one.name for one in (Loop, Once, Nobody, ByRisk, Best))
COLOURS = {
    LOOP: "#3366a8", ONCE: "#c0504d", NOBODY: "#8a949e", RISK: "#b07d12", BEST: "#3a8a5f",
}  # fmt: skip
MARKS = {
    "watch": ("○", "#b07d12"), "retrain": ("●", "#c0504d"), "promoted": ("▲", "#3a8a5f"),
    "learned": ("★", "#3366a8"),
}  # fmt: skip


def gains(months: list[dict[str, MonthResult]], name: str) -> list[float]:
    """The cumulative profit of calling by the end of each month, compared with no calls."""
    total, found = 0.0, []
    for month in months:
        total += month[name].money - month[NOBODY].money
        found.append(total)
    return found


def table(months: list[dict[str, MonthResult]]) -> str:
    """Month by month, in Markdown."""
    head = "| month | ROC-AUC, loop | once | gained so far, loop | once | calls, loop | once | |"
    lines = [head, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"]
    sums = zip(gains(months, LOOP), gains(months, ONCE), strict=True)
    for number, (month, (ours, theirs)) in enumerate(zip(months, sums, strict=True), 1):
        loop, once = month[LOOP], month[ONCE]
        lines.append(
            f"| {number} | {loop.roc_auc:.3f} | {once.roc_auc:.3f} | {ours:,.0f} | {theirs:,.0f} "
            f"| {loop.called:,} | {once.called:,} | {', '.join(loop.notes)} |"
        )
    return "\n".join(lines)


def summary(seeds: list[list[dict[str, MonthResult]]]) -> str:
    """What each business gained in the year, and how the loop compares, over seeds, in Markdown.

    The intervals are Student's, of the mean over seeds.
    """
    years = plural(len(seeds), "seed")
    lines = [
        f"| {years} | gained in the year (95 %) | this loop gained more (95 %) |",
        "| --- | ---: | ---: |",
    ]
    ours = np.array([gains(months, LOOP)[-1] for months in seeds])
    for name in (BEST, LOOP, RISK, ONCE, NOBODY):
        theirs = np.array([gains(months, name)[-1] for months in seeds])
        more = "" if name == LOOP else _mean(ours - theirs)
        lines.append(f"| {name} | {_mean(theirs)} | {more} |")
    found = [
        number
        for months in seeds
        for number, month in enumerate(months, 1)
        if "learned" in month[LOOP].notes
    ]
    which = f", in month {', '.join(map(str, found))}" if found else ""
    lines.append(
        f"\nThe learned policy was proven in {len(found)} of {plural(len(seeds), 'year')}{which}."
    )
    return "\n".join(lines)


def _mean(values: np.ndarray) -> str:
    if len(values) == 1:
        return f"{values[0]:,.0f}"
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():,.0f} ({values.mean() - half:,.0f} to {values.mean() + half:,.0f})"


def picture(months: list[dict[str, MonthResult]], events: dict[int, str]) -> str:
    """The cumulative profit of calling by the end of each month, as an SVG.

    Parameters
    ----------
    months : list of dict
        For each month the result of each business, by its name.
    events : dict of int to str
        Events at the beginning of months, which count from 1.
    """
    curves = {name: gains(months, name) for name in COLOURS if name in months[0]}
    left, right, top, bottom = 90, 690, 60, 330
    low = min(map(min, curves.values()))
    high = max(map(max, curves.values())) or 1.0

    def x(month: float) -> float:
        return round(left + month / len(months) * (right - left), 1)

    def y(value: float) -> float:
        return round(bottom - (value - low) / (high - low) * (bottom - top), 1)

    def text(at: float, height: float, words: str, more: str = "") -> str:
        return f'<text x="{at}" y="{height}"{more}>{html.escape(words)}</text>'

    title = ' font-size="15" font-weight="bold" fill="#22303f"'
    parts = [text(20, 28, "What calling has brought, less what it cost", title)]
    step = 10 ** np.floor(np.log10(high - low)) / 2
    for value in np.arange(np.ceil(low / step), high / step) * step:
        parts.append(f'<path d="M{left} {y(value)}H{right}" stroke="#e3e7eb"/>')
        parts.append(text(left - 10, y(value) + 4, f"{value:,.0f}", ' text-anchor="end"'))
    for number in range(len(months) + 1):
        parts.append(text(x(number), bottom + 20, str(number), ' text-anchor="middle"'))
    parts.append(text((left + right) / 2, bottom + 40, "month", ' text-anchor="middle"'))
    for month, words in events.items():
        at = x(month - 1)
        parts.append(f'<path d="M{at} {top}V{bottom}" stroke="#c7cdd3" stroke-dasharray="4 3"/>')
        parts.append(text(at + 5, bottom - 8, words, ' font-style="italic"'))
    for name, curve in curves.items():
        points = " ".join(f"{x(i)},{y(v)}" for i, v in enumerate([0.0, *curve]))
        line = f'fill="none" stroke="{COLOURS[name]}" stroke-width="2.5"'
        parts.append(f'<polyline points="{points}" {line}/>')
        more = f' font-weight="bold" fill="{COLOURS[name]}"'
        parts.append(text(right + 10, y(curve[-1]) + 4, name, more))
    for number, month in enumerate(months):
        for place, note in enumerate(month[LOOP].notes):
            at, height = x(number), y([0.0, *curves[LOOP]][number]) - 12 - 15 * place
            more = f' text-anchor="middle" font-size="11" fill="{MARKS[note][1]}"'
            parts.append(text(at, height, MARKS[note][0], more))
    legend = "   ".join(f"{mark} {note}" for note, (mark, _) in MARKS.items())
    parts.append(text(left, 48, legend, ' xml:space="preserve"'))
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="820" height="385" viewBox="0 0 820 385" '
        'font-family="sans-serif" font-size="12.5" fill="#45525e">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])
