"""A fitted model as a scorer, and how far the two agree."""

import time

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.expressions import Formula
from churn.data.parsing import parse_features
from churn.data.values import USUAL_FLAGS
from churn.modeling.model import ChurnModel
from churn.scoring.codegen.estimators import write_probability
from churn.scoring.codegen.source import Coded, Source
from churn.scoring.scorer import Agreement, Scorer

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
    sent = written.read(contract.features)
    columns, values = [], {}
    for (name, feature), value in zip(contract.features.items(), sent, strict=True):
        if feature.kind == "category":
            codes = {text: float(code) for code, text in enumerate(feature.categories)}
            known = written.constant(codes)
            # A text that is not known may be one that is, with blanks about it.
            values[name] = written.let(f"{value} if {value} in {known} else as_text({value})")
            column = written.let(f"{known}.get({values[name]}, missing)")
            written.coded[column] = Coded(value, codes, "as_text")
        elif feature.kind == "flag":
            usual = written.constant(USUAL_FLAGS)
            column = written.let(f"{usual}[{value}] if {value} in {usual} else flag({value})")
            written.coded[column] = Coded(value, USUAL_FLAGS, "flag")
            values[name] = column
        else:
            column = written.let(f"{value} if type({value}) is float else number({value})")
            values[name] = column
        columns.append(column)
    derived = (Formula(text).to_python(values) for text in contract.derived.values())
    return [*columns, *(written.let(f"finite({expression})") for expression in derived)]
