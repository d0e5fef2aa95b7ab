"""Whom to call: those of the greatest net benefit, but for a control group and the spared.

Every call takes one from the budget, so calling those of the greatest `expected_profit` first is
the list of the greatest expected net benefit that the budget allows; whom it does not pay to call
is not called, however much budget is left.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from hashlib import sha256
from typing import Annotated

import numpy as np
import pandas as pd
from pyarrow import fs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from churn.data.ids import id_text
from churn.errors import ChurnError
from churn.evaluation.profit import RetentionCosts
from churn.settings import validate_settings

FORMATS = (".csv", ".csv.gz", ".parquet")
BLOCKS = 1_000


class Campaign(BaseModel):
    """What a day's list is told beside its table.

    Attributes
    ----------
    campaign : str
        The name by which the control group is drawn.
    budget : int
        The most customers to call.
    control : float
        The share of those worth a call who are not called, to see what calling is good for.
    as_of : date
        The day of the list.
    max_rejected : float
        The largest share of rows that may be rejected.
    shard_rows : int
        About so many customers to a task.
    output : str
        Where the list is written.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str = Field(min_length=1)
    budget: int = Field(ge=1)
    control: float = Field(ge=0, le=0.5)
    as_of: Annotated[date, BeforeValidator(date.fromisoformat)]
    max_rejected: float = Field(ge=0, le=1)
    shard_rows: int = Field(ge=1)
    output: str

    @classmethod
    def check(cls, offer: Mapping[str, str], **values) -> tuple["Campaign", RetentionCosts]:
        """Look at all of them at once.

        Parameters
        ----------
        offer : mapping of str to str
            See `RetentionCosts.parse`.
        values
            By the names of the attributes; without a day it is today, in UTC.

        Raises
        ------
        ChurnError
            Naming every value out of its range.
        """
        values["as_of"] = values["as_of"] or f"{datetime.now(UTC):%Y-%m-%d}"
        settings, parsed, problems = validate_settings(
            cls, values, partial(RetentionCosts.parse, **offer)
        )
        if not values["output"].lower().endswith(FORMATS):
            problems.append(f"--output {values['output']}: it ends in none of {', '.join(FORMATS)}")
        if problems:
            raise ChurnError("The list cannot be made:", problems)
        return settings, parsed


def in_control(ids: Sequence[str], campaign: str, share: float) -> np.ndarray:
    """Who belongs to the control group: decided by customer and campaign, so that it stays so.

    pandas' hash is SipHash, here with a key made from the campaign's name: no run and no day
    changes it, it has nothing to do with who is held out in training, and a greater share keeps
    everybody who was in a smaller one.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    key = sha256(campaign.encode()).hexdigest()[:16]
    texts = np.asarray(ids, dtype=object)
    hashes = pd.util.hash_array(texts, hash_key=key, categorize=False)
    return hashes.astype(np.float64) < share * 2.0**64


def read_ids(path: str) -> tuple[str, ...]:
    """Read a do-not-contact list: a text or CSV file, local or `s3://`, with one id a line.

    Returns
    -------
    tuple of str
        Sorted, each once; none where there is no path.

    Raises
    ------
    ChurnError
        If it cannot be read, or naming the lines with more than an id: nobody is to be called by
        mistake.
    """
    if not path:
        return ()
    try:
        filesystem, inside = locate(path)
        with filesystem.open_input_stream(inside, compression="detect") as stream:
            text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
            lines = list(csv.reader(text, skipinitialspace=True))
    except (OSError, ValueError, csv.Error) as error:
        reason = str(error).strip().splitlines()[0]
        raise ChurnError(f"Cannot read the do-not-contact list {path}:", [reason]) from error
    problems = [
        f"line {number}: {len(line)} cells, where one id is expected"
        for number, line in enumerate(lines, start=1)
        if len(line) > 1
    ]
    if problems:
        raise ChurnError(f"Cannot use the do-not-contact list {path}:", problems)
    ids = {id_text(line[0]) for line in lines if line}
    return tuple(sorted(ids - {None}))


def locate(path: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path, local or `s3://`, and the path in it."""
    if path.startswith("s3://"):
        return fs.FileSystem.from_uri(path)
    return fs.LocalFileSystem(), path


def shortlist(scores: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Those of the greatest net benefit, up to the last that the budget allows to call.

    The control group takes nothing from the budget: it is whoever of it stands among them. So the
    list of a table is the short list of its parts' short lists.

    Parameters
    ----------
    scores : DataFrame
        benefit (money), control (bool); the index is the row number, which decides among equals.

    Returns
    -------
    DataFrame
        The same columns, the greatest benefit first.
    """
    order = np.lexsort([scores.index, -scores["benefit"].to_numpy()])
    called = ~scores["control"].to_numpy()[order]
    return scores.iloc[order[np.cumsum(called) - called < budget]]


def probability_interval(
    probabilities: np.ndarray, reliability: Sequence[Mapping]
) -> tuple[np.ndarray, np.ndarray]:
    """How far a share that was promised may be from the share that will leave.

    For each bin of the model's reliability, customers whom it had not seen, Wilson's 95 % interval
    of the share who left is so much below and above what was promised. A probability is given what
    its neighbouring bins were, interpolated between their means. The interval is about customers
    with such a probability, not about the one: that he either leaves or stays is not in it, and
    neither is what the future changes. It always holds the probability itself.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n,)
    reliability : sequence of mapping
        See `churn.evaluation.metrics.reliability`.

    Returns
    -------
    low, high : ndarray of float64, shape (n,)
    """
    promised, low, high = (
        np.array([bin[name] for bin in reliability]) for name in ("predicted", "low", "high")
    )
    below = np.interp(probabilities, promised, np.minimum(low - promised, 0))
    above = np.interp(probabilities, promised, np.maximum(high - promised, 0))
    return np.maximum(probabilities + below, 0), np.minimum(probabilities + above, 1)


def blocks(scores: np.ndarray, benefits: np.ndarray) -> np.ndarray:
    """A ranking in short, to be put together with those of other shards: see `merge_ranking`.

    Returns
    -------
    ndarray of float64, shape (at most BLOCKS, 3)
        Of blocks of customers who follow each other in the ranking by `scores`: the mean score,
        how many, and the sum of their benefits.
    """
    if not len(scores):
        return np.zeros((0, 3))
    order = np.argsort(-scores, kind="stable")
    starts = np.unique(np.linspace(0, len(order), BLOCKS, endpoint=False).astype(int))
    counts = np.diff(starts, append=len(order))
    sums = [np.add.reduceat(values[order], starts) for values in (scores, benefits)]
    return np.column_stack([sums[0] / counts, counts, sums[1]])


def merge_ranking(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The `blocks` of several shards as one ranking.

    Returns
    -------
    called, profit : ndarray of float64, shape (m,)
        From none to all: how many customers, and the sum of their benefits.
    """
    every = np.concatenate(parts)
    every = every[np.argsort(-every[:, 0], kind="stable")]
    return tuple(np.append(0, np.cumsum(every[:, column])) for column in (1, 2))


def compare_rankings(
    best: tuple[np.ndarray, np.ndarray], riskiest: tuple[np.ndarray, np.ndarray], points: int = 200
) -> pd.DataFrame:
    """Expected profit against the length of the list, by whom is called.

    Parameters
    ----------
    best, riskiest : tuple of ndarray
        Of the rankings by net benefit and by probability: see `merge_ranking`.

    Returns
    -------
    DataFrame
        calls, best, riskiest and random, money; from no calls to half as many again as pay.
    """
    called, profit = best
    longest = min(called[-1], 1.5 * called[np.argmax(profit)] or called[-1])
    calls = np.unique(np.round(np.linspace(0, longest, points)))
    return pd.DataFrame(
        {
            "calls": calls,
            "best": np.interp(calls, *best),
            "riskiest": np.interp(calls, *riskiest),
            "random": calls * profit[-1] / max(called[-1], 1),
        }
    )
