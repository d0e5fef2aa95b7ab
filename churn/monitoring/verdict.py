"""The verdict on a model in use: `ok`, `watch` or `retrain`, with its reasons.

The rules, each a reason of its own; the verdict is the gravest of them.

retrain  A feature is broken: at least half of the customers have a value of it that they would not
         have had (`churn.monitoring.drift.BROKEN`). Repair the column; until then a model without
         it may be the better one, which the gate decides.
retrain  The latest cohort that can judge is clearly worse than promised: the intervals do not
         meet, and by more than a trifle (`churn.monitoring.performance.MARGINS` and `OFF`).
watch    An input, the missing values, the categories or the scores drifted.
watch    The expected profit per customer clearly changed, by a fifth or more
         (`churn.monitoring.profit_drift.CHANGE`), or that of a segment. Customers may have changed,
         or the calls may have worked; no training brings the money back.
watch    The run was worse in some segment of that cohort than elsewhere.
watch    Cells arrive that cannot be read.

Too few customers, cohorts that wait, and cohorts that cannot judge are told, and are no reason.
"""

from dataclasses import dataclass

from churn.monitoring.drift import MISSING, SCORE, UNSEEN, Drift
from churn.monitoring.inputs import ScoredCustomers
from churn.monitoring.performance import Quality
from churn.monitoring.profit_drift import Money

OK, WATCH, RETRAIN = "ok", "watch", "retrain"
LEVELS = (OK, WATCH, RETRAIN)
# What the command exits with; 1 and 2 are those of a failed run and of a wrong command line.
EXIT_CODES = {OK: 0, WATCH: 3, RETRAIN: 4}
# Of cells: fewer that cannot be read are told, and are no reason.
UNREADABLE = 0.01


@dataclass(frozen=True)
class Reason:
    """Why a verdict is not `ok`.

    Attributes
    ----------
    verdict : str
        What it alone would make of it.
    about : str
        drift, quality or money.
    text : str
    """

    verdict: str
    about: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """What to do about a model in use.

    Attributes
    ----------
    run : str
        The model's.
    reasons : tuple of Reason
        The gravest first.
    remarks : tuple of str
        What else whoever reads it should know.
    """

    run: str
    reasons: tuple[Reason, ...]
    remarks: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """`ok`, `watch` or `retrain`."""
        return max((one.verdict for one in self.reasons), key=LEVELS.index, default=OK)

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return EXIT_CODES[self.verdict]

    def __str__(self) -> str:
        lines = [f"{self.run}: {self.verdict}"]
        lines += [f"  {one.verdict}: {one.text} ({one.about})" for one in self.reasons]
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])


def judge(
    run: str, answered: ScoredCustomers, drift: Drift, money: Money, quality: Quality
) -> Verdict:
    """Put everything that was found together.

    Parameters
    ----------
    run : str
    answered : ScoredCustomers
        Of the period that `drift` and `money` are of.
    """
    reasons = [*_of_drift(answered, drift), *_of_money(money), *_of_quality(quality)]
    reasons.sort(key=lambda one: LEVELS.index(one.verdict), reverse=True)
    return Verdict(run, tuple(reasons), tuple(_remarks(answered, drift, money, quality)))


def _of_drift(answered: ScoredCustomers, drift: Drift):
    for row in drift.alarms.itertuples():
        what = {MISSING: "missing in ", UNSEEN: "a new category, "}.get(row.what, "")
        said = f"{row.column}: {what}{row.current}, was {row.reference}"
        if row.broken:
            yield Reason(RETRAIN, "drift", f"{said}; the column is broken, repair it first")
        elif row.column == SCORE:
            yield Reason(WATCH, "drift", f"the scores drifted: {row.current}, was {row.reference}")
        else:
            yield Reason(WATCH, "drift", said)
    if not drift.too_few:
        for name, cells in answered.unreadable.items():
            if cells >= UNREADABLE * drift.customers:
                share = cells / drift.customers
                yield Reason(WATCH, "drift", f"{name}: {share:.1%} of the cells cannot be read")


def _of_money(money: Money):
    if money.changed:
        profit = money.profit
        yield Reason(
            WATCH,
            "money",
            f"a customer is expected to bring {profit.now:.2f}, was {profit.before:.2f} "
            f"({profit.relative:+.0%})",
        )
    moved = money.segments[money.segments["changed"].astype(bool)]
    if len(moved) and not money.changed:
        first = next(moved.itertuples())
        yield Reason(
            WATCH,
            "money",
            f"{len(moved)} segments changed in what they bring, the most {first.feature} "
            f"{first.level}: {first.profit:.2f} a customer, was {first.profit_before:.2f}",
        )


def _of_quality(quality: Quality):
    for text in quality.worse:
        yield Reason(RETRAIN, "quality", f"cohort {quality.judged}: {text}")
    if len(quality.segments):
        for row in quality.segments[quality.segments["worse"]].itertuples():
            why = f"{row.feature} {row.level} is worse than elsewhere ({row.why})"
            yield Reason(WATCH, "quality", f"cohort {quality.judged}: {why}")


def _remarks(answered: ScoredCustomers, drift: Drift, money: Money, quality: Quality):
    if drift.too_few:
        yield (
            f"Too few to compare: {drift.customers:,} customers in the period, "
            f"{drift.least:,} are needed."
        )
    if answered.others:
        yield f"{answered.others:,} predictions of other runs were left out."
    if money.untold:
        yield f"{money.untold:,} customers have no amount of money in the columns of the offer."
    counts = quality.cohorts["state"].value_counts()
    if "waiting" in counts:
        yield f"Cohorts that have not matured yet: {counts['waiting']}."
    if "few" in counts:
        yield f"Cohorts that matured, but of which too little is known to judge: {counts['few']}."
    if quality.judged is None:
        yield "No cohort can judge yet."
