"""Read a run of ChurnFlow: the only module that has the names of its artifacts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from churn.errors import ChurnError
from churn.metaflow_compat import client, datastore_options, translate_errors
from churn.registry.training_settings import SEARCH_PARAMETERS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from churn.data.clean_table import CleanTable
    from churn.data.contract import Contract
    from churn.data.stored_table import StoredTable
    from churn.evaluation.report import EvaluationReport
    from churn.evaluation.retention_costs import RetentionCosts
    from churn.modeling.cross_validation import Trial
    from churn.modeling.sample import SearchSample
    from churn.modeling.search import SearchOutcome
    from churn.modeling.search_space import Candidate
    from churn.registry.gate import Decision
    from churn.scoring.scorer import Agreement


class TrainingRun:
    """The artifacts of a run of ChurnFlow, each read at first access.

    Parameters
    ----------
    artifacts : object
        With the artifacts as attributes: the `data` of Metaflow's client, or, in a step, the flow.
    pathspec : str
        `ChurnFlow/<id>`.
    datastore : sequence of str
        The options with which a flow stores its artifacts in this run's datastore.

    Attributes
    ----------
    data : str
        The `--data` of the run.
    contract_file, candidates_file : dict[str, Any]
        As parsed from the files of the run's Configs; empty without one.
    table : StoredTable
        Where the raw customer table lies, and its digest.
    contract : Contract
        Of the features the model is trained on.
    customers : CleanTable of n rows
        The rows that satisfy the contract, typed when they are read.
    split : Categorical of n rows
        `train`, `holdout`, `copy` for a copy of a held-out customer, or `called`.
    reference : Reference, of `churn.monitoring.drift`
        A sample of the customers, which MonitorFlow compares with.
    rejected, problems, leaks : DataFrame
        The rows that break the contract, the first 10,000; the problems of the table; the columns
        that leak.
    near_copies : str
        Whether the table repeats customers; empty if not.
    samples, refit : str
        What was looked for in a part of the customers only, and how many the model is fitted to.
    leak_prices : DataFrame
        The loss with and without each of them; see `churn.evaluation.leak_prices`.
    target_summary : str
        Which value counts as left, and its share.
    called : CalledCustomers, of `churn.campaign.called`
        The customers left out because they were called.
    known_calls : KnownCalls, of `churn.campaign.known_calls`
    weights : ndarray of float64, shape (n,), or None
        How many customers each row stands for.
    effort : str
        The `--effort` of the run, a key of `churn.modeling.effort.EFFORTS`.
    margin : float
        The `--margin` of the run.
    candidates : list of Candidate
    sample : SearchSample
        The training rows that candidates are cross-validated on.
    trial : Trial
        Of the chosen candidate.
    leaderboard : list of dict
        See `churn.modeling.selection.leaderboard`.
    search : SearchOutcome
        The trials, and the candidates that failed, were stopped, or lost their task.
    costs : RetentionCosts
    model_file : bytes
        See `churn.registry.model_file`.
    report : EvaluationReport
    agreement : Agreement
    decision : Decision
        Of the gate.
    out_of_fold : dict
        The predictions of the cross-validation; see `churn.registry.out_of_fold`.
    deployment : dict[str, Any]
        A document; see `churn.scoring.deployment`.
    lineage : dict[str, Any]

    Raises
    ------
    ChurnError
        By every attribute: if the run has no such artifact, or it cannot be read.
    """

    data: str
    contract_file: dict[str, Any]
    candidates_file: dict[str, Any]
    table: "StoredTable"
    contract: "Contract"
    customers: "CleanTable"
    split: "pd.Categorical"
    reference: Any
    rejected: "pd.DataFrame"
    problems: "pd.DataFrame"
    leaks: "pd.DataFrame"
    near_copies: str
    samples: str
    refit: str
    leak_prices: "pd.DataFrame"
    target_summary: str
    called: Any
    known_calls: Any
    weights: "np.ndarray | None"
    effort: str
    margin: float
    candidates: "list[Candidate]"
    sample: "SearchSample"
    trial: "Trial"
    leaderboard: list[dict[str, Any]]
    search: "SearchOutcome"
    costs: "RetentionCosts"
    model_file: bytes
    report: "EvaluationReport"
    agreement: "Agreement"
    decision: "Decision"
    out_of_fold: dict[str, bytes]
    deployment: dict[str, Any]
    lineage: dict[str, Any]

    def __init__(self, artifacts: Any, pathspec: str = "This run", datastore: Sequence[str] = ()):
        self._artifacts = artifacts
        self.pathspec = pathspec
        self.datastore = list(datastore)

    @classmethod
    def open(cls, pathspec: str) -> "TrainingRun":
        """Open a run that has finished.

        Parameters
        ----------
        pathspec : str
            `ChurnFlow/<id>`; `churn.registry.runs.resolve_run` accepts shorter names.

        Raises
        ------
        ChurnError
            If there is none.
        """
        with translate_errors(f"{pathspec} cannot be read:"):
            task = client().Run(pathspec).end_task
            if task is None:
                raise ChurnError(f"{pathspec} has not finished.", ["`resume` finishes it"])
            return cls(task.data, pathspec, datastore_options(task))

    def __getattr__(self, name: str) -> Any:
        if name not in TrainingRun.__annotations__:
            raise AttributeError(name)
        return self._read(name)

    @property
    def frame(self) -> "pd.DataFrame":
        """All rows that satisfy the contract, typed: (n,) rows, read from where the table lies."""
        if self.has("customers"):
            return self.customers.read()
        frame: pd.DataFrame = self._read("frame")  # of a run of an earlier version
        return frame

    @property
    def rejected_rows(self) -> int:
        """How many rows break the contract."""
        return len(self.table) - len(self.customers)

    def has(self, name: str) -> bool:
        """Whether the run has an artifact."""
        if hasattr(type(self._artifacts), "__contains__"):
            return name in self._artifacts
        return hasattr(self._artifacts, name)  # in a step, the flow

    @property
    def search_parameters(self) -> dict[str, Any]:
        """The values of `SEARCH_PARAMETERS`; without those that are newer than the run."""
        return {name: self._read(name) for name in SEARCH_PARAMETERS if self.has(name)}

    def _read(self, name: str) -> Any:
        try:
            return getattr(self._artifacts, name)
        except Exception as error:  # unpickling may raise any error
            absent = isinstance(error, AttributeError) and error.args == (name,)
            reason = f"it has no {name}" if absent else f"{name}: {type(error).__name__}: {error}"
            raise ChurnError(f"{self.pathspec} cannot be read:", [reason]) from error
