"""Evaluate a fitted model on customers it was not fitted to, and compare it with baselines."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.frames import with_columns
from churn.data.parsing import labels
from churn.data.rows import Rows, labels_of, rows_of
from churn.evaluation.calibration import reliability
from churn.evaluation.metrics import compare, gains
from churn.evaluation.partial_dependence import partial_dependence
from churn.evaluation.profit_report import ProfitReport, profit_report
from churn.evaluation.retention_costs import RetentionCosts
from churn.evaluation.segments import segments
from churn.modeling.cross_validation import Trial
from churn.modeling.model import ChurnModel
from churn.modeling.sample import SearchSample
from churn.modeling.search_space import BASELINE
from churn.modeling.selection import out_of_fold_loss
from churn.statistics.log_odds import row_losses
from churn.statistics.weighting import take, weighted_mean

BASE_RATE = "base rate"
IMPORTANCE_ROWS = 1_000
IMPORTANCE_REPEATS = 3
TOP_FEATURES = 4


@dataclass(frozen=True)
class EvaluationReport:
    """The quality of a model on customers it was not fitted to.

    Attributes
    ----------
    evaluated_on : str
        `hold-out`, or `cross-validation` where no customers are held out.
    customers : int
        The number of customers it is evaluated on.
    train_customers : int
        The number of customers the model is trained on.
    metrics : dict of str to dict
        See `churn.evaluation.metrics.evaluate`.
    cv_log_loss : float
        The cross-validated log loss, in nats.
    baselines : dict of str to dict
        The metrics of the base rate and of the baseline, a plain logistic regression.
    differences : dict of str to dict
        Model less baseline, paired; see `churn.evaluation.metrics.compare`.
    profit : ProfitReport
        The money that calling by the model brings.
    reliability, gains, importances, explanations : DataFrame
    dependence : DataFrame
        Partial dependence on the top features; see `churn.evaluation.partial_dependence`.
    segments : DataFrame
        Where the model is worse than among other customers; see `churn.evaluation.segments`.
    fingerprint : str
        SHA-256 over the model's probabilities of the rows it is evaluated on.
    """

    evaluated_on: str
    customers: int
    train_customers: int
    metrics: dict[str, dict[str, float]]
    cv_log_loss: float
    baselines: dict[str, dict[str, dict[str, float]]]
    differences: dict[str, dict[str, dict[str, float]]]
    profit: ProfitReport
    reliability: pd.DataFrame
    gains: pd.DataFrame
    importances: pd.DataFrame
    explanations: pd.DataFrame
    dependence: pd.DataFrame
    segments: pd.DataFrame
    fingerprint: str


def evaluate_model(
    model: ChurnModel,
    train: "pd.DataFrame | Rows",
    holdout: "pd.DataFrame | Rows",
    sample: SearchSample,
    trial: Trial,
    baseline: Trial,
    costs: RetentionCosts,
    weights: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
    fitted: np.ndarray | None = None,
) -> EvaluationReport:
    """Evaluate a model exactly as it is stored.

    Parameters
    ----------
    model : ChurnModel
        Fitted on `train`.
    train, holdout : DataFrame or Rows
        Typed rows with the target, as `churn.data.validation.validate_data` returns them. Where
        `holdout` is empty the out-of-fold predictions are evaluated instead.
    sample, trial : SearchSample, Trial
        The rows the model is selected on, and its cross-validation.
    baseline : Trial
        The cross-validation of the baseline on the same rows.
    costs : RetentionCosts
    weights : pair of ndarray of float64 or None
        How many customers each row of `train` and of `holdout` stands for.
    fitted : ndarray of int, optional
        The positions in `train` of the rows that the model is fitted to; all by default.

    Returns
    -------
    EvaluationReport
    """
    trained, times = weights
    train, holdout = rows_of(train), rows_of(holdout)
    fitted = np.arange(len(train)) if fitted is None else fitted
    if len(holdout):
        evaluated_on, rows = "hold-out", holdout.read()
        target = labels(rows, model.contract)
    else:
        evaluated_on, rows, target = "cross-validation", train.read(sample.rows), sample.labels
        times = sample.weights
    typed = rows[list(model.contract.features)]
    risk = stored_risk = model.predict_proba_typed(typed)[:, 1]
    if len(holdout):
        refitted = ChurnModel(model.contract, BASELINE, model.seed).fit(
            train.read(fitted), weights=take(trained, fitted)
        )
        baseline_risk = refitted.predict_proba_typed(typed)[:, 1]
    else:
        risk, baseline_risk = trial.probabilities, baseline.probabilities
    base_rate = np.full(len(rows), weighted_mean(labels_of(train, model.contract), trained))
    metrics, baselines, differences = compare(
        target, risk, {BASE_RATE: base_rate, BASELINE.name: baseline_risk}, weights=times
    )
    ranked = importances(model, typed, target, model.seed, times)
    return EvaluationReport(
        evaluated_on=evaluated_on,
        customers=len(rows),
        train_customers=len(fitted),
        metrics=metrics,
        cv_log_loss=out_of_fold_loss(trial, sample),
        baselines=baselines,
        differences=differences,
        profit=profit_report(target, risk, rows, costs, model.threshold, weights=times),
        reliability=reliability(target, risk, weights=times),
        gains=gains(target, risk, weights=times),
        importances=ranked,
        explanations=explain_some(model, rows, stored_risk),
        dependence=partial_dependence(model, typed, ranked["feature"][:TOP_FEATURES].tolist()),
        segments=segments(model.contract, typed, target, risk, weights=times),
        fingerprint=model.fingerprint(rows),
    )


def importances(
    model: ChurnModel,
    features: pd.DataFrame,
    target: np.ndarray,
    seed: int = 0,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Permutation importance (Breiman 2001) of typed features, on at most 1,000 rows.

    Returns
    -------
    DataFrame
        feature, importance (mean rise of the log loss in nats when the column is shuffled, over
        three shuffles), spread (standard deviation over the shuffles); most important first.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(features))[:IMPORTANCE_ROWS]
    typed, target, times = features.iloc[rows], target[rows], take(weights, rows)
    orders = [rng.permutation(len(typed)) for _ in range(IMPORTANCE_REPEATS)]
    chance = model.predict_proba_typed(typed)[:, 1]
    as_it_is = weighted_mean(row_losses(target, chance), times)
    found = []
    for name in map(str, typed):
        shuffled = [with_columns(typed, {name: typed[name].array[order]}) for order in orders]
        chance = model.predict_proba_typed(pd.concat(shuffled))[:, 1].reshape(len(orders), -1)
        losses = row_losses(target, chance)
        rises = np.array([weighted_mean(row, times) for row in losses]) - as_it_is
        found.append((name, rises.mean(), rises.std(ddof=1)))
    table = pd.DataFrame(found, columns=["feature", "importance", "spread"])
    return table.sort_values("importance", ascending=False, ignore_index=True)


def explain_some(model: ChurnModel, frame: pd.DataFrame, risk: np.ndarray) -> pd.DataFrame:
    """Four customers explained, from the riskiest to the safest; see `ChurnModel.explain`.

    Parameters
    ----------
    model : ChurnModel
    frame : DataFrame of n rows
    risk : ndarray of float64, shape (n,)
        Their probabilities by the model.

    Returns
    -------
    DataFrame
        customer, risk, and the columns of `ChurnModel.explain`, values in words.
    """
    order = np.argsort(-risk, kind="stable")
    picked = order[[0, len(order) // 10, len(order) // 2, -1]]
    id_column = model.contract.id
    names = frame[id_column].iloc[picked] if id_column else frame.index[picked].map("row {}".format)
    table = model.explain(frame.iloc[picked])
    for column in ("value", "typical"):
        table[column] = [
            model.contract.features[name].say(value)
            for name, value in zip(table["feature"], table[column], strict=True)
        ]
    table.insert(0, "customer", np.array(names, dtype=object)[table["row"]])
    table.insert(1, "risk", risk[picked][table["row"]])
    return table
