"""Grade a fitted model on customers it has not seen, with the baselines beside it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.data.parsing import labels, parse_features
from churn.evaluation.metrics import compare, gains, reliability
from churn.evaluation.partial_dependence import partial_dependence
from churn.evaluation.profit import ProfitReport, RetentionCosts, appraise
from churn.evaluation.segments import segments
from churn.modeling.cross_validation import Sample, Trial
from churn.modeling.model import ChurnModel
from churn.modeling.search_space import BASELINE
from churn.statistics.log_odds import row_losses

IMPORTANCE_ROWS = 1_000
IMPORTANCE_REPEATS = 3
LEADING = 4


@dataclass(frozen=True)
class Report:
    """What the hold-out said about a model.

    Attributes
    ----------
    evaluated_on : str
        `hold-out`, or `cross-validation` where nobody was held out.
    customers : int
    metrics : dict
        See `churn.evaluation.metrics.evaluate`.
    promised : float
        The log loss that cross-validation promised.
    baselines : dict of str to dict
        The metrics of the base rate and of a plain logistic regression.
    differences : dict of str to dict
        Model less baseline, paired; see `churn.evaluation.metrics.compare`.
    worth : ProfitReport
        The money that calling by the model brings.
    reliability, gains, importances, explanations : DataFrame
    dependence : DataFrame
        How the risk follows the leading features; see `churn.evaluation.partial_dependence`.
    segments : DataFrame
        Where the model is worse than elsewhere; see `churn.evaluation.segments`.
    fingerprint : str
        SHA-256 over the model's probabilities of the rows that judged it.
    """

    evaluated_on: str
    customers: int
    metrics: dict
    promised: float
    baselines: dict
    differences: dict
    worth: ProfitReport
    reliability: pd.DataFrame
    gains: pd.DataFrame
    importances: pd.DataFrame
    explanations: pd.DataFrame
    dependence: pd.DataFrame
    segments: pd.DataFrame
    fingerprint: str


def grade(
    model: ChurnModel,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    sample: Sample,
    trial: Trial,
    plain: Trial,
    offer: RetentionCosts,
) -> Report:
    """Grade a model exactly as it is stored.

    Parameters
    ----------
    model : ChurnModel
        Fitted on `train`.
    train, holdout : DataFrame
        Clean rows with the target; where `holdout` is empty the out-of-fold predictions are
        judged instead.
    sample, trial : Sample, Trial
        What the model was chosen by.
    plain : Trial
        What the baseline made of the same sample.
    offer : RetentionCosts
        What a call costs and may bring.

    Returns
    -------
    Report
    """
    base_rate = labels(train, model.contract).mean()
    if len(holdout):
        evaluated_on, rows, target = "hold-out", holdout, labels(holdout, model.contract)
        ours = model.predict_proba(holdout)[:, 1]
        baseline = ChurnModel(model.contract, BASELINE, model.seed).fit(train)
        theirs = baseline.predict_proba(holdout)[:, 1]
        said = ours
    else:
        evaluated_on, rows, target = "cross-validation", train.iloc[sample.rows], sample.labels
        ours, theirs = trial.probabilities, plain.probabilities
        said = model.predict_proba(rows)[:, 1]
    baselines = {"base rate": np.full(len(rows), base_rate), BASELINE.name: theirs}
    metrics, beside, differences = compare(target, ours, baselines)
    leading = importances(model, rows, model.seed)
    return Report(
        evaluated_on=evaluated_on,
        customers=len(rows),
        metrics=metrics,
        promised=float(row_losses(sample.labels, trial.probabilities).mean()),
        baselines=beside,
        differences=differences,
        worth=appraise(target, ours, rows, offer, model.threshold),
        reliability=reliability(target, ours),
        gains=gains(target, ours),
        importances=leading,
        explanations=explain_some(model, rows, said),
        dependence=partial_dependence(model, rows, leading["feature"][:LEADING]),
        segments=segments(model.contract, rows, target, ours),
        fingerprint=model.fingerprint(rows),
    )


def importances(model: ChurnModel, frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Permutation importance (Breiman 2001) of the raw features, on at most 1,000 rows.

    Returns
    -------
    DataFrame
        feature, importance (mean rise of the log loss in nats when the column is shuffled, over
        three shuffles), spread (standard deviation over the shuffles); most important first.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(frame))[:IMPORTANCE_ROWS]
    typed = parse_features(frame.iloc[rows], model.contract)
    target = labels(frame.iloc[rows], model.contract)
    orders = [rng.permutation(len(typed)) for _ in range(IMPORTANCE_REPEATS)]
    as_it_is = row_losses(target, model.predict_proba_typed(typed)[:, 1]).mean()
    table = []
    for name in typed:
        shuffled = [typed.assign(**{name: typed[name].array[order]}) for order in orders]
        chance = model.predict_proba_typed(pd.concat(shuffled))[:, 1].reshape(len(orders), -1)
        rises = row_losses(target, chance).mean(axis=1) - as_it_is
        table.append((name, rises.mean(), rises.std(ddof=1)))
    table = pd.DataFrame(table, columns=["feature", "importance", "spread"])
    return table.sort_values("importance", ascending=False, ignore_index=True)


def explain_some(model: ChurnModel, frame: pd.DataFrame, risk: np.ndarray) -> pd.DataFrame:
    """Four customers explained, from the riskiest to the safest; see `ChurnModel.explain`.

    Parameters
    ----------
    model : ChurnModel
    frame : DataFrame of n rows
    risk : ndarray of float64, shape (n,)
        What the model says of them.

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


def summary(report: Report, name: str) -> str:
    """What came out, in a few lines for a terminal."""
    lines = [f"{name}, judged on {report.customers:,} customers by {report.evaluated_on}:"]
    for metric, label in (
        ("roc_auc", "ROC-AUC"), ("pr_auc", "PR-AUC"), ("log_loss", "log loss"),
        ("brier", "Brier"), ("top_decile_lift", "lift, top tenth"),
        ("calibration_slope", "calibration slope"),
    ):  # fmt: skip
        ours, plain = report.metrics[metric], report.baselines[BASELINE.name][metric]
        span = f"({ours['low']:.4f} to {ours['high']:.4f})"
        lines.append(f"  {label:<18}{ours['value']:.4f} {span}   plain {plain['value']:.4f}")
    worth = report.worth
    lines.append(
        f"Calling from a risk of {worth.threshold:.1%} on, {worth.called:.1%} of all: "
        f"{worth.profit['value']:.2f} a customer ({worth.profit['low']:.2f} to "
        f"{worth.profit['high']:.2f}), calling everybody {worth.everybody['value']:.2f}"
    )
    worse = report.segments[report.segments["worse"]]
    lines += [
        f"Worse than elsewhere: {row.feature} {row.level} ({row.why})" for row in worse.itertuples()
    ]
    return "\n".join(lines)
