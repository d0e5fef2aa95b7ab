"""ChurnFlow's cross-validated loss against its test loss, and its regret to the true model."""

import math
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from quality_fits import OURS, Results, a_store, clear, measure, run_flow
from quality_report import LEVEL, markdown, span
from quality_tables import read_tables, say

from churn.data.readers import TELCO
from churn.data.synthetic import generate_sample_data
from churn.evaluation.metrics import evaluate
from churn.registry.commit import git_commit
from churn.registry.model_file import load_model
from churn.statistics.log_odds import row_losses

FRESH_CUSTOMERS = 200_000
# No seed of the command line, so that no model is trained on the customers of the regret.
FRESH_SEED = 2**32


def generalization(options) -> None:
    """Print the cross-validated and the test log loss of each table, and their gap.

    The interval of the mean gap is Student's over the seeds: given the table, its splits are
    independent, and over many of them every customer is both trained and tested on, so that easy
    and hard customers cancel. Within one table a negative rank correlation is no defect: customers
    that are easy to predict lower the test loss and are missing from the cross-validated one.
    Calibration is measured on the test rows of all splits, pooled.
    """
    tables = read_tables(options.tables)
    fits = measure(tables, [OURS], options).fits(options.rows)
    fits = fits[(fits["contender"] == OURS.name) & (fits["seed"] < options.seeds)]
    fits = fits[fits["log_loss"].notna() & fits["table"].isin([table.name for table in tables])]
    lines = [
        ["", "seeds", "cross-validated", "test", "gap (95 %)", "rank correlation",
         "calibration error", "calibration slope"],
        ["---", *["---:"] * 7],
    ]  # fmt: skip
    for table, of_table in fits.groupby("table", sort=False):
        gaps = of_table["log_loss"] - of_table["cv_log_loss"]
        pooled = [np.load(path) for path in of_table["predictions"]]
        target, chance = (np.concatenate([p[key] for p in pooled]) for key in ("target", "chance"))
        metrics = evaluate(target, chance)
        lines.append([
            table, str(len(of_table)),
            f"{of_table['cv_log_loss'].mean():.4f}", f"{of_table['log_loss'].mean():.4f}",
            span(gaps.mean(), *student(gaps)), f"{rank_correlation(of_table):+.2f}",
            f"{metrics['expected_calibration_error']['value']:.4f}",
            f"{metrics['calibration_slope']['value']:.3f}",
        ])  # fmt: skip
    print(markdown(lines))
    print()
    overall = rank_correlation(fits)
    print(f"Over the {len(fits)} splits of all tables the rank correlation is {overall:+.2f}.")


def rank_correlation(fits: pd.DataFrame) -> float:
    """Spearman's, of cross-validated and test log loss; NaN of a single split."""
    if len(fits) < 2:
        return math.nan
    return float(fits["cv_log_loss"].corr(fits["log_loss"], method="spearman"))


def student(values: pd.Series) -> tuple[float, float]:
    """Student's interval of a mean; NaN for a single value."""
    from scipy.stats import t

    if len(values) < 2:
        return math.nan, math.nan
    half = t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def regret(options) -> None:
    """Print the regret of our probabilities by the number of customers.

    The regret is the mean log loss on fresh customers under their true probabilities, less that
    of the true probabilities themselves (the mean Kullback-Leibler divergence): no outcome is
    sampled, so it has no noise of outcomes. For a model with a fixed number of parameters it falls
    as 1/n, to a quarter with four times the customers; the requirement is at most a half.
    """
    results = Results(options.results)
    fresh, truth = generate_sample_data(FRESH_CUSTOMERS, FRESH_SEED, return_probability=True)
    todo = [
        (customers, seed)
        for seed in range(options.seeds)
        for customers in options.sizes
        if not any(
            (line["customers"], line["seed"]) == (customers, seed)
            for line in results.lines
            if line["kind"] == "regret"
        )
    ]
    with a_store() as store:
        for number, (customers, seed) in enumerate(todo):
            line = one_regret(customers, seed, fresh, truth, store)
            results.add(line)
            say(
                f"[{number + 1} of {len(todo)}] {customers:,} customers, seed {seed}: "
                f"regret {line['regret']:.5f} in {line['wall']:.0f} s"
            )
    lines = pd.DataFrame([line for line in results.lines if line["kind"] == "regret"])
    wanted = lines["customers"].isin(options.sizes) & (lines["seed"] < options.seeds)
    print(regret_table(lines[wanted]))


def one_regret(
    customers: int, seed: int, fresh: pd.DataFrame, truth: np.ndarray, store: Path
) -> dict:
    """Train on generated customers, and evaluate on fresh ones."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fit-", dir=store.parent) as name:
        folder = Path(name)
        table = generate_sample_data(customers, seed)
        table.to_parquet(folder / "train.parquet")
        contract = ["--config", "contract", TELCO / "contract.toml"]
        arguments = ["--data", "train.parquet", "--seed", seed]
        data, seconds, _ = run_flow(folder, contract, arguments, store)
        chance = load_model(data.model_file).predict_proba(fresh)[:, 1]
        clear(store)
    return {
        "kind": "regret", "contender": "regret", "customers": customers, "seed": seed,
        "regret": expected_regret(truth, chance), "seconds": seconds, "code": git_commit(),
        "wall": time.perf_counter() - start,
    }  # fmt: skip


def expected_regret(truth: np.ndarray, chance: np.ndarray) -> float:
    """The mean over customers of the Kullback-Leibler divergence, in nats."""
    leaves, stays = np.ones(len(truth)), np.zeros(len(truth))
    left = row_losses(leaves, chance) - row_losses(leaves, truth)
    stayed = row_losses(stays, chance) - row_losses(stays, truth)
    return float((truth * left + (1 - truth) * stayed).mean())


def regret_table(lines: pd.DataFrame) -> str:
    rows = [
        ["customers", "seeds", "regret (range)", "of the size before", "at most", "flow"],
        ["---:"] * 6,
    ]
    before = None
    for customers, of_size in lines.groupby("customers"):
        values = of_size["regret"]
        ratio = bar = ""
        if before is not None:
            ratio = f"{values.mean() / before[1]:.2f}"
            bar = f"{0.5 ** math.log(customers / before[0], 4):.2f}"
        before = customers, values.mean()
        rows.append([
            f"{customers:,}", str(len(of_size)),
            f"{values.mean():.5f} ({values.min():.5f} to {values.max():.5f})", ratio, bar,
            f"{of_size['seconds'].median():.1f} s",
        ])  # fmt: skip
    return markdown(rows)
