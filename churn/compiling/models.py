"""A fitted model as a scorer, and how far the two agree."""

import time

import numpy as np
import pandas as pd

from churn.compiling.estimators import write_probability
from churn.compiling.source import Source
from churn.contract import Contract
from churn.data.parsing import parse_features
from churn.formula import Formula
from churn.model import ChurnModel
from churn.scorer import Agreement, Scorer

ROWS = 5_000


def compile_model(model: ChurnModel) -> Scorer:
    """Write a fitted model out as a scorer, which does not need it afterwards."""
    written = Source()
    columns = _write_columns(written, model.contract)
    result = write_probability(written, model.estimator_, columns, model.engineer_.levels)
    return Scorer(written.text(result), written.constants, model.threshold)


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
