"""A model compiled for one customer at a time: the same probabilities, hundreds of times sooner.

`ChurnModel.predict_proba` pays milliseconds for a data frame and a pipeline, however few the
customers. Here the fitted model is written out as one plain Python function over the values of a
record; `churn.compiling` has how each family is written.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.compiling import write_probability
from churn.compiling.source import Source, build
from churn.contract import Contract
from churn.data.parsing import parse_features
from churn.formula import Formula
from churn.model import ChurnModel

TOLERANCE = 1e-9
ROWS = 20_000


class Scorer:
    """Scores one record at a time.

    Parameters
    ----------
    model : ChurnModel
        Fitted; the scorer does not need it afterwards.

    Attributes
    ----------
    threshold : float
        The model's.
    text : str
        The function, in Python.
    """

    def __init__(self, model: ChurnModel):
        self.threshold = model.threshold
        written = Source()
        columns = _write_columns(written, model.contract)
        levels = model.engineer_.levels
        self.text = written.text(write_probability(written, model.estimator_, columns, levels))
        self._constants = written.constants
        self._score = build(self.text, self._constants)

    def __call__(self, record: Mapping) -> float:
        """The probability of leaving.

        Parameters
        ----------
        record : mapping of str to value
            By feature: a number, a flag (true or false, 1 or 0), a text for a category; None, NaN
            or no entry where it is missing. Entries that are no features are left alone.

        Returns
        -------
        float
            As `ChurnModel.predict_proba` has it, within `TOLERANCE`.
        """
        return self._score(record)

    def __getstate__(self):
        return self.__dict__ | {"_score": None}  # it is made of the text again

    def __setstate__(self, state):
        self.__dict__ |= state
        self._score = build(self.text, self._constants)


@dataclass(frozen=True)
class Agreement:
    """How a scorer's answers compare to its model's.

    Attributes
    ----------
    customers : int
        On how many they were compared.
    gap : float
        The largest difference in probability.
    decisions : int
        How many got another decision.
    microseconds : float
        What the scorer took for each, on average.
    """

    customers: int
    gap: float
    decisions: int
    microseconds: float

    @property
    def holds(self) -> bool:
        """Whether the scorer may answer for the model."""
        return self.gap <= TOLERANCE and not self.decisions

    def __str__(self) -> str:
        return (
            f"on {self.customers:,} customers the scorer is at most {self.gap:.1g} away from the "
            f"model, with {self.decisions} other decisions, and takes {self.microseconds:.1f} "
            "microseconds for each"
        )


def compare(scorer: Scorer, model: ChurnModel, frame: pd.DataFrame) -> Agreement:
    """Hold a scorer to its model's own answers.

    Parameters
    ----------
    frame : DataFrame
        Customers to compare them on, raw or typed; at most `ROWS` of them are looked at.
    """
    typed = parse_features(frame.head(ROWS), model.contract)
    expected, customers = model.predict_proba(typed)[:, 1], records(typed)
    start = time.perf_counter()
    found = np.array([scorer(record) for record in customers])
    seconds = time.perf_counter() - start
    decisions = (found >= scorer.threshold) != (expected >= model.threshold)
    return Agreement(
        customers=len(typed),
        gap=float(np.abs(found - expected).max(initial=0.0)),
        decisions=int(decisions.sum()),
        microseconds=seconds / max(len(typed), 1) * 1e6,
    )


def records(typed: pd.DataFrame) -> list[dict]:
    """Typed features, see `parse_features`, as one dict per customer, None where missing."""
    return typed.astype(object).where(typed.notna(), None).to_dict("records")


def _write_columns(written: Source, contract: Contract) -> list[str]:
    """Write how a record becomes the columns of the matrix; the variables that hold them."""
    columns, values = [], {}
    for name, feature in contract.features.items():
        value = written.let(f"record.get({name!r})")
        if feature.kind == "category":
            table = {text: float(code) for code, text in enumerate(feature.categories)}
            codes = written.constant(table)
            column = written.let(f"{codes}.get({value}, missing)")
            # A text that is not in the table may be one that is, with blanks about it.
            written.add(
                f"if {column} != {column} and {value} is not None:",
                f"    {value} = as_text({value})",
                f"    {column} = {codes}.get({value}, missing)",
            )
            values[name] = value
        else:
            read = "number" if feature.kind == "number" else "flag"
            column = written.let(f"{value} if type({value}) is float else {read}({value})")
            values[name] = column
        columns.append(column)
    derived = (Formula(text).to_python(values) for text in contract.derived.values())
    return [*columns, *(written.let(f"finite({expression})") for expression in derived)]
