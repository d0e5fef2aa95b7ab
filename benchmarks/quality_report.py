"""The results of benchmarks/quality.py as a table and a picture."""

import html
import math
from pathlib import Path

import numpy as np
import pandas as pd
from quality_fits import OURS, OURS_HIGH, Results
from quality_tables import TUNED_ON, say

from churn.errors import ChurnError
from churn.statistics.log_odds import row_losses

RESAMPLES = 2000
# The cells (resamples times customers) of one chunk of the bootstrap.
CHUNK_CELLS = 10_000_000
LEVEL = 0.95
NAMES = {OURS.name: "ChurnFlow", OURS_HIGH.name: "ChurnFlow, high effort"}


def report(options) -> None:
    """Print the comparison as Markdown, and draw it.

    Only splits with a result of every contender count. The interval of a difference is from a
    bootstrap that is stratified by table: in each table the splits are resampled, and so are the
    customers, once for all splits of the table, since the same customer may be in the test set of
    several splits. So it includes the variance of the split and the fit, and that of the customers
    in the tables. The first contains some of the second already, so the interval is too wide, by
    up to a factor of 1.4, rather than too narrow. The tables are fixed, each with the same weight:
    the interval does not generalise to other tables.
    """
    fits = Results(options.results).fits(options.rows)
    if options.half:
        tuned_on = TUNED_ON["high" if options.high else "default"]
        fits = fits[fits["table"].isin(tuned_on) == (options.half == "tuned")]
    names = list(dict.fromkeys(fits["contender"]))
    tried = fits.groupby("split")["contender"].transform("nunique") == len(names)
    whole = fits[tried]
    ours = f"{OURS.name}-high" if options.high else OURS.name
    if ours not in names or whole.empty:
        raise ChurnError("Nothing can be compared:", ["no split has been tried by everybody"])
    rows = summarize(whole, ours)
    print(comparison_table(whole, rows, ours))
    print()
    print("\n".join(footnotes(fits, whole)))
    if options.half or options.high:
        return
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    options.picture.write_text(picture(rows), "utf-8")
    say(f"{options.picture} drawn")


def summarize(fits: pd.DataFrame, ours: str) -> pd.DataFrame:
    """One row per contender, best mean rank first: rank, seconds, and our loss less its loss."""
    ranks = fits.groupby("split")["log_loss"].rank(na_option="bottom")  # failed fits come last
    fits = fits.assign(rank=ranks)
    columns = {"rank": "mean", "seconds": "median", "cpu_seconds": "median"}
    rows = fits.groupby("contender").agg(columns)
    rows[["difference", "low", "high"]] = math.nan
    for name in rows.index.drop(ours):
        rows.loc[name, ["difference", "low", "high"]] = difference_to_ours(fits, name, ours)
    return rows.sort_values("rank")


def difference_to_ours(fits: pd.DataFrame, name: str, our_name: str) -> tuple[float, float, float]:
    """The mean of our log loss less a contender's, and its interval; see `report`."""
    done = fits[fits["log_loss"].notna()]
    ours, theirs = (
        done[done["contender"] == who].set_index(["table", "split"])["predictions"]
        for who in (our_name, name)
    )
    paths = pd.concat([ours, theirs], axis=1, join="inner")
    if paths.empty:
        return math.nan, math.nan, math.nan
    means, draws = [], []
    for number, (_, splits) in enumerate(paths.groupby(level="table")):
        pairs = [paired_losses(ours, theirs) for ours, theirs in splits.to_numpy()]
        means.append(np.mean([difference.mean() for _, difference in pairs]))
        # The same resamples for every contender.
        draws.append(resampled(pairs, np.random.default_rng(number)))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.mean(draws, axis=0), [tail, 1 - tail])
    return float(np.mean(means)), float(low), float(high)


def paired_losses(ours: Path, theirs: Path) -> tuple[np.ndarray, np.ndarray]:
    """The customers of a split, and our row loss less the contender's for each of them."""
    with np.load(ours) as a, np.load(theirs) as b:
        if not np.array_equal(a["rows"], b["rows"]):
            raise ValueError(f"{ours} and {theirs} are not of the same customers")
        difference = row_losses(a["target"], a["chance"]) - row_losses(b["target"], b["chance"])
        return a["rows"], difference


def resampled(pairs: list, rng: np.random.Generator) -> np.ndarray:
    """Means over the splits of a table, with its customers and its splits resampled."""
    customers, at = np.unique(np.concatenate([rows for rows, _ in pairs]), return_inverse=True)
    places = np.split(at, np.cumsum([len(rows) for rows, _ in pairs])[:-1])
    n, n_splits = len(customers), len(pairs)
    costs, tested = np.zeros((n, n_splits)), np.zeros((n, n_splits))
    for split, (place, (_, difference)) in enumerate(zip(places, pairs, strict=True)):
        costs[place, split], tested[place, split] = difference, 1
    draws = []
    chunk = max(1, CHUNK_CELLS // n)
    for start in range(0, RESAMPLES, chunk):
        size = min(chunk, RESAMPLES - start)
        weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(size)])
        weights = weights.astype(np.float64)
        means = (weights @ costs) / (weights @ tested)
        times = rng.multinomial(n_splits, np.full(n_splits, 1 / n_splits), size=size)
        draws.append((means * times).sum(axis=1) / n_splits)
    return np.concatenate(draws)


def comparison_table(fits: pd.DataFrame, rows: pd.DataFrame, ours: str) -> str:
    """The comparison as a Markdown table; the best of each column in bold."""
    tables = list(dict.fromkeys(fits["table"]))
    by_table = fits.assign(failed=fits["log_loss"].isna()).groupby(["contender", "table"])
    means, failed = by_table["log_loss"].mean(), by_table["failed"].sum()
    best = means.groupby("table").min()
    lines = [
        ["", *tables, "mean rank", f"{shown(ours)} less it (95 %)", "time to fit", "CPU"],
        ["---", *["---:"] * (len(tables) + 4)],
    ]
    for name, row in rows.iterrows():
        cells = [
            loss_cell(means[name, table], best[table], failed[name, table]) for table in tables
        ]
        difference = "" if name == ours else span(row["difference"], row["low"], row["high"])
        seconds = "" if math.isnan(row["seconds"]) else f"{row['seconds']:.1f} s"
        cpu = "" if math.isnan(row["cpu_seconds"]) else f"{row['cpu_seconds']:.0f} s"
        lines.append([shown(name), *cells, f"{row['rank']:.2f}", difference, seconds, cpu])
    if fits["truth"].notna().any():
        truth = fits.groupby("table")["truth"].mean()
        cells = ["" if math.isnan(truth[table]) else f"{truth[table]:.4f}" for table in tables]
        lines.append(["true probabilities", *cells, "", "", "", ""])
    return markdown(lines)


def loss_cell(loss: float, best: float, failed: int) -> str:
    if math.isnan(loss):
        return "failed"
    text = f"**{loss:.4f}**" if loss == best else f"{loss:.4f}"
    return f"{text} ({failed} failed)" if failed else text


def footnotes(fits: pd.DataFrame, whole: pd.DataFrame) -> list[str]:
    """The footnotes of the table."""
    seeds = whole.groupby("table")["seed"].nunique()
    count = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    notes = [
        f"Log loss in nats on test rows, lower is better; splits of each table: {count}. "
        f"The interval is from a bootstrap over splits and customers, tables as they are. "
        f"Time to fit: the median; for ChurnFlow the whole process, for the others the fit alone.",
    ]
    waiting = fits["split"].nunique() - whole["split"].nunique()
    if waiting:
        notes.append(f"{waiting} splits that not everybody has been tried on are left out.")
    for fit in whole[whole["log_loss"].isna()].itertuples():
        why = fit.failure.strip().splitlines()[-1]
        notes.append(f"{fit.contender} failed on {fit.table}, seed {fit.seed}: {why}")
    for contender in (OURS, OURS_HIGH):
        codes = whole.loc[whole["contender"] == contender.name, "code"].dropna().unique()
        commits = ", ".join(code[:8] + "+" * ("+" in code) for code in codes)
        if commits:
            notes.append(f"{plain_name(contender.name)} at {commits}.")
    return notes


def picture(rows: pd.DataFrame) -> str:
    """The differences as dots with whiskers, an SVG; ours is the line at zero."""
    peers = rows.drop(index=OURS.name).sort_values("difference")
    left, right, top, step = 230, 800, 64, 30
    bottom = top + step * len(peers)
    low, high = min(0.0, peers["low"].min()), max(0.0, peers["high"].max())
    margin = 0.06 * (high - low) or 0.001
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return round(left + (value - low) / (high - low) * (right - left), 1)

    def text(at: float, y: float, words: str, anchor: str, more: str = "") -> str:
        return f'<text x="{at}" y="{y}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'

    title = ' font-size="15" font-weight="bold" fill="#22303f"'
    parts = [text(20, 26, "Log loss of ChurnFlow less that of the others", "start", title)]
    parts += [
        text(left, 50, "← ChurnFlow is better", "start", ' fill="#3a8a5f"'),
        text(right, 50, "ChurnFlow is worse →", "end", ' fill="#c0504d"'),
    ]
    for tick in ticks(low, high):
        parts.append(f'<path d="M{x(tick)} {top}V{bottom}" stroke="#e3e7eb"/>')
        parts.append(text(x(tick), bottom + 18, f"{tick:+.4g}" if tick else "0", "middle"))
    parts.append(f'<path d="M{x(0)} {top - 8}V{bottom}" stroke="#22303f" stroke-width="1.5"/>')
    for place, (name, row) in enumerate(peers.iterrows()):
        y = top + step * (place + 0.5)
        if math.isnan(row["difference"]):
            parts.append(text(left - 14, y + 4, f"{plain_name(name)} · failed", "end"))
            continue
        whisker = f"M{x(row['low'])} {y}H{x(row['high'])}"
        parts.append(f'<path d="{whisker}" stroke="#3366a8" stroke-width="2.5"/>')
        parts.append(f'<circle cx="{x(row["difference"])}" cy="{y}" r="5.5" fill="#3366a8"/>')
        label = f"{plain_name(name)} · {row['seconds']:.1f} s"
        parts.append(text(left - 14, y + 4, label, "end"))
    ours = f"ChurnFlow · {rows.loc[OURS.name, 'seconds']:.1f} s"
    parts.append(text(left - 14, 50, ours, "end", ' font-weight="bold"'))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{bottom + 34}" '
        f'viewBox="0 0 820 {bottom + 34}" font-family="sans-serif" font-size="12.5" '
        f'fill="#45525e">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers between two others."""
    rough = (high - low) / 8
    power = 10 ** math.floor(math.log10(rough))
    size = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.ceil(low / size), math.floor(high / size)
    return [round(number * size, 12) for number in range(first, last + 1)]


def markdown(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown(name: str) -> str:
    return f"**{plain_name(name)}**" if name in NAMES else name


def plain_name(name: str) -> str:
    return NAMES.get(name, name)


def span(value: float, low: float, high: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:+.4f}" if math.isnan(low) else f"{value:+.4f} ({low:+.4f} to {high:+.4f})"
