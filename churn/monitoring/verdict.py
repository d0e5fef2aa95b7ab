"""The verdict on a model in use: `ok`, `watch`, `retrain` or `insufficient data`, and why.

Each rule that applies is a reason; the verdict is the most severe of them.

retrain  A feature is broken: at least half of the customers have another value of it than before
         (`churn.monitoring.drift.BROKEN`). Repair the column; until then a model without it may be
         better, which the gate decides.
retrain  The latest evaluated cohort is significantly worse than expected, by more than the margin
         (`churn.monitoring.deterioration`).
watch    An input, the missing values, the categories or the scores drifted.
watch    The expected profit per customer changed significantly, by a fifth or more
         (`churn.monitoring.profit_drift.CHANGE`), or that of a segment. Customers may have changed,
         or the calls may have worked; no training brings the money back.
watch    The model was worse in some segment of that cohort than among the other customers.
watch    Some cells of requests cannot be read.

Without a reason the verdict is `ok` if the customers of a period, or a cohort, were examined, and
`insufficient data` otherwise. Waiting cohorts and those with too few labels are remarks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from churn.monitoring.cohorts import INSUFFICIENT, WAITING, Quality
from churn.monitoring.drift import MISSING, SCORE, UNSEEN, Drift
from churn.monitoring.labels import UNKNOWN_CUSTOMER
from churn.monitoring.predictions import ScoredCustomers
from churn.monitoring.profit_drift import Money
from churn.words import plural

OK, WATCH, RETRAIN = "ok", "watch", "retrain"
INSUFFICIENT_DATA = "insufficient data"
# In the order of their severity.
LEVELS = (INSUFFICIENT_DATA, OK, WATCH, RETRAIN)
# The exit codes of the command; 1 is that of a failed run, 2 that of a wrong command line.
EXIT_CODES = {OK: 0, WATCH: 3, RETRAIN: 4, INSUFFICIENT_DATA: 5}
# The share of a column's cells from which on unreadable ones are a reason.
UNREADABLE = 0.01


@dataclass(frozen=True)
class Finding:
    """Why a verdict is not `ok`.

    Attributes
    ----------
    verdict : str
        The verdict if this were the only reason.
    about : str
        drift, quality or money.
    text : str
    """

    verdict: str
    about: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """The verdict on a model in use, with its reasons.

    Attributes
    ----------
    run : str
        The model's.
    reasons : tuple of Finding
        The most severe first.
    remarks : tuple of str
        Data that were left out, are insufficient, or have to wait.
    examined : bool
        Whether there was a period with enough customers to test, or a cohort to evaluate.
    """

    run: str
    reasons: tuple[Finding, ...]
    remarks: tuple[str, ...]
    examined: bool = True

    @property
    def verdict(self) -> str:
        """`ok`, `watch`, `retrain` or `insufficient data`."""
        lowest = OK if self.examined else INSUFFICIENT_DATA
        return max((one.verdict for one in self.reasons), key=LEVELS.index, default=lowest)

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return EXIT_CODES[self.verdict]

    def __str__(self) -> str:
        lines = [f"{self.run}: {self.verdict}"]
        lines += [f"  {one.verdict}: {one.text} ({one.about})" for one in self.reasons]
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


def judge(
    run: str, scored: ScoredCustomers, drift: Drift, money: Money, quality: Quality
) -> Verdict:
    """Decide the verdict from all results.

    Parameters
    ----------
    run : str
    scored : ScoredCustomers
        Of the period that `drift` and `money` are of.
    """
    reasons = [*_of_drift(scored, drift), *_of_money(money), *_of_quality(quality)]
    reasons.sort(key=lambda one: LEVELS.index(one.verdict), reverse=True)
    examined = not drift.too_few or quality.evaluated is not None
    remarks = tuple(_remarks(scored, drift, money, quality))
    return Verdict(run, tuple(reasons), remarks, examined)


def _of_drift(scored: ScoredCustomers, drift: Drift) -> Iterator[Finding]:
    for row in drift.alarms.itertuples():
        what = {MISSING: "missing in ", UNSEEN: "a new category, "}.get(str(row.what), "")
        change = f"{row.column}: {what}{row.current}, was {row.reference}"
        if row.broken:
            yield Finding(RETRAIN, "drift", f"{change}; the column is broken, repair it first")
        elif row.column == SCORE:
            yield Finding(WATCH, "drift", f"the scores drifted: {row.current}, was {row.reference}")
        else:
            yield Finding(WATCH, "drift", change)
    if not drift.too_few:
        for name, cells in scored.unreadable.items():
            if cells >= UNREADABLE * drift.customers:
                share = cells / drift.customers
                yield Finding(WATCH, "drift", f"{name}: {share:.1%} of the cells cannot be read")


def _of_money(money: Money) -> Iterator[Finding]:
    if money.changed and (profit := money.profit):
        yield Finding(
            WATCH,
            "money",
            f"a customer is expected to bring {profit.now:.2f}, was {profit.before:.2f} "
            f"({profit.relative:+.0%})",
        )
    moved = money.segments[money.segments["changed"].astype(bool)]
    if len(moved) and not money.changed:
        first = next(moved.itertuples())
        yield Finding(
            WATCH,
            "money",
            f"{len(moved)} segments changed in what they bring, the most {first.feature} "
            f"{first.level}: {first.profit:.2f} a customer, was {first.profit_before:.2f}",
        )


def _of_quality(quality: Quality) -> Iterator[Finding]:
    for text in quality.worse:
        yield Finding(RETRAIN, "quality", f"cohort {quality.evaluated}: {text}")
    if len(quality.segments):
        for row in quality.segments[quality.segments["worse"]].itertuples():
            why = f"{row.feature} {row.level} is worse than elsewhere ({row.why})"
            yield Finding(WATCH, "quality", f"cohort {quality.evaluated}: {why}")


def _remarks(
    scored: ScoredCustomers, drift: Drift, money: Money, quality: Quality
) -> Iterator[str]:
    if drift.too_few:
        yield (
            f"Too few to compare: {plural(drift.customers, 'customer')} in the period, "
            f"{drift.min_customers:,} are needed."
        )
    if scored.others:
        others = plural(
            scored.others, "prediction of another model was", "predictions of other models were"
        )
        yield f"{others} left out."
    if money.missing_amount:
        lack = plural(money.missing_amount, "customer lacks", "customers lack")
        yield f"{lack} an amount of money that the costs name."
    counts = quality.cohorts["state"].value_counts()
    if WAITING in counts:
        yield f"Cohorts that have not matured yet: {counts[WAITING]}."
    if INSUFFICIENT in counts:
        yield f"Cohorts that matured with too few labels to evaluate: {counts[INSUFFICIENT]}."
    if quality.evaluated is None:
        yield "No cohort can be evaluated yet."
    for why, count in quality.unused.items():
        example = f" ({quality.example})" if why == UNKNOWN_CUSTOMER and quality.example else ""
        useless = plural(count, "outcome labels", "outcomes label")
        yield f"{useless} no prediction: they {why}{example}."
    if quality.comparisons:
        limits = ", ".join(one.limit for one in quality.comparisons)
        yield f"Cohort {quality.evaluated} would show, four times in five: {limits}."
