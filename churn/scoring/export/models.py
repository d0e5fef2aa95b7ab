"""A fitted model as a scorer, and the agreement of the two."""

import time
from typing import Any, cast

import numpy as np
import pandas as pd

from churn.data.contract import Contract
from churn.data.expressions import Formula
from churn.data.parsing import parse_features
from churn.modeling.model import ChurnModel
from churn.modeling.own_families import own_parts
from churn.scoring.export.builder import ProgramBuilder
from churn.scoring.export.estimators import add_probability
from churn.scoring.export.formulas import add_formula
from churn.scoring.fitted import FittedScorer
from churn.scoring.scorer import Agreement, Scorer

ROWS, UNCOMPILED_ROWS = 5_000, 50


def compile_model(model: ChurnModel) -> Scorer | FittedScorer:
    """Compile a fitted model into a scorer, which does not need the model afterwards.

    A family of one's own is not compiled, nor a stack of one; its scorer is the model.
    """
    if own_parts(model.candidate):
        return FittedScorer(model.threshold, model)
    builder = ProgramBuilder()
    columns = _add_columns(builder, model.contract)
    add_probability(builder, model.estimator_, columns, model.engineer_.levels)
    return Scorer(builder.program(), model.threshold)


def compare(scorer: Scorer | FittedScorer, model: ChurnModel, frame: pd.DataFrame) -> Agreement:
    """Compare a scorer's probabilities with its model's.

    Parameters
    ----------
    frame : DataFrame
        Customers to compare them on, raw or typed; at most `ROWS` of them are scored, and
        `UNCOMPILED_ROWS` by a scorer that is not compiled.
    """
    most = UNCOMPILED_ROWS if isinstance(scorer, FittedScorer) else ROWS
    typed = parse_features(frame.head(most), model.contract)
    expected, customers = model.predict_proba(typed)[:, 1], records(typed)
    scorer.compile()
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


def records(typed: pd.DataFrame) -> list[dict[str, Any]]:
    """Typed features, see `parse_features`, as one dict per customer, None where missing."""
    found = typed.astype(object).where(typed.notna(), None).to_dict("records")
    return cast("list[dict[str, Any]]", found)


def _add_columns(builder: ProgramBuilder, contract: Contract) -> list[int]:
    """Add the steps from a record to the columns of the matrix; the places of the columns."""
    places = {}
    for name, feature in contract.features.items():
        if feature.kind == "category":
            categories = list(feature.categories)
            places[name] = builder.add("category", name=name, categories=categories)
        else:
            places[name] = builder.add("number" if feature.numeric else feature.kind, name=name)
    formulas = map(Formula, contract.derived.values())
    derived = [add_formula(builder, formula, places) for formula in formulas]
    return [*places.values(), *derived]
