"""The inputs of MonitorFlow other than predictions: the log, the reference, and the outcomes."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.evaluation.retention_costs import RetentionCosts
from churn.feedback.outcomes import OutcomeStore, frame_of, read_table
from churn.feedback.prediction_log import PredictionLog, database_url
from churn.monitoring.drift import Reference
from churn.registry.runs import with_scorer
from churn.registry.training_run import TrainingRun
from churn.scoring.deployment import Deployment


@contextmanager
def open_log(url: str) -> Iterator[tuple[PredictionLog, OutcomeStore]]:
    """The predictions and the outcomes in the database of the log.

    Parameters
    ----------
    url : str
        See `PredictionLog`; where it is empty, the one that the environment names.

    Raises
    ------
    ChurnError
        If it cannot be used, or has no prediction at all, since then it is probably the wrong one.
    """
    url = database_url(url)
    with PredictionLog(url) as log, OutcomeStore(url) as outcomes:
        if not log.count():
            raise ChurnError(f"There are no predictions in {log.where}.", ["say where: --log"])
        yield log, outcomes


def read_reference(deployment: Deployment) -> tuple[Reference, RetentionCosts]:
    """The customers that a run was trained and evaluated on, and its retention costs.

    Raises
    ------
    ChurnError
        If the artifacts of the run cannot be read.
    """
    run = TrainingRun.open(deployment.run)
    return reference_of(run, deployment), run.costs


def reference_of(run: TrainingRun, deployment: Deployment) -> Reference:
    """The sample that is stored with a run; of a run of an earlier version from its table."""
    if run.has("reference"):
        stored: Reference = run.reference
        return stored
    return Reference.of_run(
        with_scorer(deployment), run.frame, run.split, run.sample.rows, run.trial.probabilities
    )


def read_outcomes(
    store: OutcomeStore, customers: pd.Series, table: str, contract: Contract
) -> pd.DataFrame:
    """The outcomes of customers, from the database of the log and from a table.

    Parameters
    ----------
    customers : Series of str
        The customers to look up in the database; missing ones are left out.
    table : str
        See `churn.feedback.outcomes.read_table`; empty for none. Its key is the contract's id
        column, or `customer`.

    Returns
    -------
    DataFrame
        One row per customer and day, the last recorded; see
        `churn.feedback.outcomes.frame_of`.

    Raises
    ------
    ChurnError
        If they cannot be read.
    """
    found = [frame_of(store.of(customers.dropna().unique()))]
    if table:
        keys = (contract.id, "customer") if contract.id else "customer"
        found.append(read_table(table, keys))
    every = pd.concat(found, ignore_index=True).sort_values(["recorded", "left"], kind="stable")
    return every.drop_duplicates(["customer", "date"], keep="last")
