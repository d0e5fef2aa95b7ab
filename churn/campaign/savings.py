"""Whether calling worked: those who were called beside their control group.

Both were drawn from the same lists by a hash, so what differs between them beyond chance is what
the calls did. Everyone counts as he was drawn, reached by a call or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from churn.data.parsing import parse_ids, parse_numbers, parse_texts
from churn.data.readers import load_table
from churn.data.values import FLAGS
from churn.errors import ChurnError
from churn.statistics.intervals import wilson

ARMS = ("contact", "control")
NEEDED = ("arm", "probability", "value_at_risk", "campaign", "as_of")
# Below these nothing is said: a group that is too small, or has too few who left to know what
# they are worth.
LEAST_KNOWN, LEAST_LEFT = 30, 5


@dataclass(frozen=True)
class Arm:
    """One group: how many were drawn, of how many it is known what they did, how many left."""

    drawn: int
    known: int
    left: int


@dataclass(frozen=True)
class Savings:
    """What calling came to.

    Attributes
    ----------
    contact, control : Arm
    kept : dict or None
        Customers who stayed because of the calls: value, low and high, the 95 % interval. None
        where the groups are too small.
    saved : dict or None
        Money that those bring, less what was spent; None also where too few left.
    spent : float
    silent : list of str
        Why there is no more to say.
    """

    contact: Arm
    control: Arm
    kept: dict[str, float] | None
    saved: dict[str, float] | None
    spent: float
    silent: list[str]

    def __str__(self) -> str:
        lines = [
            f"{name:<8} {arm.drawn:,} customers, outcome known of {arm.known:,}"
            + (f", of whom {arm.left:,} left ({arm.left / arm.known:.1%})" if arm.known else "")
            for name, arm in zip(ARMS, (self.contact, self.control), strict=True)
        ]
        if self.kept:
            kept = _span(self.kept, ",.1f")
            lines.append(f"Kept by calling {self.contact.known:,}: {kept} customers")
        if self.saved:
            costs = f"less {self.spent:,.2f} spent" if self.spent else "what calls cost not taken"
            lines.append(f"Saved: {_span(self.saved, ',.2f')}, {costs}")
        if self.kept and self.kept["low"] <= 0 <= self.kept["high"]:
            lines.append("No effect at all is within the interval: this may be chance.")
        return "\n".join([*lines, *self.silent])


def read_calls(paths: Sequence[str]) -> pd.DataFrame:
    """Read call lists as ScoreFlow writes them; a customer counts as when first listed.

    Returns
    -------
    DataFrame
        arm (contact or control) and value (money), by customer, a text.

    Raises
    ------
    ChurnError
        Naming every list that is none, and if they are of different campaigns or disagree on who
        is in the control group.
    """
    tables, problems = [], []
    for path in paths:
        table = load_table(path)
        absent = [name for name in NEEDED if name not in table]
        if absent:
            problems.append(f"{path}: no call list, it lacks {', '.join(absent)}")
            continue
        table = table[table["arm"].isin(ARMS)]
        risk, chance = (parse_numbers(table[name])[0] for name in ("value_at_risk", "probability"))
        if not np.isfinite(risk / chance).all():
            problems.append(f"{path}: a probability or a value at risk is no number")
        columns = {name: table[name].astype("str") for name in ("arm", "campaign", "as_of")}
        ids = parse_ids(table.iloc[:, 0]).to_pandas().astype("str")
        keys = {"id": ids, "key": table.columns[0]}
        tables.append(pd.DataFrame(keys | columns | {"value": risk / chance}))
    if not problems:
        every = pd.concat(tables).sort_values("as_of", kind="stable")
        if every.empty:
            problems.append("nobody is on them")
        for name, what in {"campaign": "campaigns", "key": "keys of customers"}.items():
            found = sorted(every[name].unique())
            if len(found) > 1:
                problems.append(f"they are of different {what}: {', '.join(found)}")
        if not problems:
            both = _ambiguous(every.set_index("id")["arm"])
            if both:
                problems.append(f"{len(both)} customers are in both groups: {_some(both)}")
    if problems:
        raise ChurnError("These call lists cannot be used:", problems)
    calls = every.drop_duplicates("id").set_index("id")[["arm", "value"]]
    calls.index.name = every["key"].iloc[0]
    return calls


def read_outcomes(path: str, key: str, column: str = "", positive: str = "") -> pd.Series:
    """Read who left.

    Parameters
    ----------
    path : str
        See `churn.data.load_table`.
    key : str
        The column with the customers, as in the call lists.
    column : str
        The column that says who left; by default the only other one.
    positive : str
        Its value for those who did; by default yes, true or 1.

    Returns
    -------
    Series of float64
        1 for those who left and 0 for those who stayed, by customer; who is not known is not in.

    Raises
    ------
    ChurnError
        If that cannot be read from the table.
    """
    table = load_table(path)
    others = [name for name in table.columns if name != key]
    problems = []
    if key not in table:
        problems.append(f"no column {key!r}, which the call lists have")
    if column and column not in table:
        problems.append(f"no column {column!r}")
    if not column and len(others) != 1:
        problems.append(f"say which column says who left: {', '.join(others)}")
    if problems:
        raise ChurnError(f"The outcomes in {path} cannot be used:", problems)
    texts = parse_texts(table[column or others[0]]).astype(object)
    said = pd.Series(texts, index=parse_ids(table[key]).to_pandas().astype("str")).dropna()
    if positive:
        left = (said == positive).astype(np.float64)
    else:
        left = said.map(lambda text: FLAGS.get(text.lower(), np.nan)).astype(np.float64)
        if left.isna().any():
            strange = said[left.isna()].iloc[0]
            problems.append(f"{strange!r} is neither yes nor no; say which value means left")
    if positive and not left.any():
        problems.append(f"nobody has {positive!r}")
    if both := _ambiguous(left):
        problems.append(f"{len(both)} customers both left and stayed: {_some(both)}")
    if problems:
        raise ChurnError(f"The outcomes in {path} cannot be used:", problems)
    return left[~left.index.duplicated()]


def _ambiguous(by_customer: pd.Series) -> list[str]:
    """The customers who have more than one value."""
    pairs = by_customer.rename("value").rename_axis("id").reset_index().drop_duplicates()
    return pairs["id"][pairs["id"].duplicated()].unique().tolist()


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")


def measure(calls: pd.DataFrame, left: pd.Series, spent: float = 0.0) -> Savings:
    """Those who were called beside their control group.

    The difference of the shares who left has Newcombe's (1998, method 10) interval, from Wilson's
    of each share; that of the mean losses, a customer's value where he left and 0 where he stayed,
    Welch's (1947). Both are multiplied by how many were called, of those whose outcome is known.

    Parameters
    ----------
    calls : DataFrame
        See `read_calls`.
    left : Series
        See `read_outcomes`.
    spent : float
        What the calls and offers cost, in all.
    """
    every = calls.assign(left=left.reindex(calls.index))
    known = every.dropna(subset="left")
    arms, losses = {}, {}
    for name in ARMS:
        of = known[known["arm"] == name]
        arms[name] = Arm(int((every["arm"] == name).sum()), len(of), int(of["left"].sum()))
        losses[name] = (of["left"] * of["value"]).to_numpy()
    silent = [
        f"Too few to say more: of {arm.known} in {name} the outcome is known, {LEAST_KNOWN} are "
        "needed."
        for name, arm in arms.items()
        if arm.known < LEAST_KNOWN
    ]
    kept = saved = None
    if not silent:
        kept = _times(arms["contact"].known, _newcombe(arms["control"], arms["contact"]))
        silent = [
            f"Too few to put money on it: {arm.left} left in {name}, {LEAST_LEFT} are needed."
            for name, arm in arms.items()
            if arm.left < LEAST_LEFT
        ]
        if not silent:
            saved = _times(arms["contact"].known, _welch(losses["control"], losses["contact"]))
            saved = {end: money - spent for end, money in saved.items()}
    return Savings(**arms, kept=kept, saved=saved, spent=spent, silent=silent)


def _newcombe(one: Arm, other: Arm) -> dict[str, float]:
    (p, low, high), (q, low_q, high_q) = (
        (arm.left / arm.known, *wilson(arm.left, arm.known)) for arm in (one, other)
    )
    return {
        "value": p - q,
        "low": p - q - float(np.hypot(p - low, high_q - q)),
        "high": p - q + float(np.hypot(high - p, q - low_q)),
    }


def _welch(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    gap = float(one.mean() - other.mean())
    errors = [values.var(ddof=1) / len(values) for values in (one, other)]
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(values) - 1) for error, values in zip(errors, (one, other), strict=True)
    )
    half = float(stdtrit(freedom, 0.975) * np.sqrt(sum(errors)))
    return {"value": gap, "low": gap - half, "high": gap + half}


def _times(n: int, found: dict[str, float]) -> dict[str, float]:
    return {end: n * value for end, value in found.items()}


def _span(found: dict[str, float], form: str) -> str:
    return f"{found['value']:{form}} ({found['low']:{form}} to {found['high']:{form}})"
