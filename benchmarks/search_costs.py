"""The search's estimates compared with measurements: scoring cost, and time of fits.

    python benchmarks/search_costs.py [TABLE ID TARGET POSITIVE]...

For each candidate of the search, fitted to some customers of each table: microseconds to score a
customer and CPU seconds to fit, as estimated by `churn.modeling.scoring_cost` and
`churn.modeling.budget`, and as measured. At the end the constants that fit these measurements best.
"""

import sys
import time
from dataclasses import replace

import numpy as np
from scipy.optimize import nnls

from churn.data.inference import infer_contract
from churn.data.parsing import labels
from churn.data.readers import load_table
from churn.data.validation import validate_data
from churn.modeling import budget, scoring_cost
from churn.modeling.encoder import FeatureEngineer
from churn.modeling.families import build
from churn.modeling.search_space import HIGH_CANDIDATES, ITERATIVE_FAMILIES
from churn.modeling.threads import bounded_threads
from churn.scoring.export.estimators import compile_for_rows

ROWS, SCORED, REPEATS = (1_500, 6_000), 200, 9
# Of trees, and of a net's epochs.
ITERATIONS, EPOCHS = (40, 200), (3, 12)


def cases(target, matrix):
    """Each candidate with few and with many rows, iterative ones with few and many iterations."""
    for candidate in HIGH_CANDIDATES:
        some = EPOCHS if candidate.family == "tabular_net" else ITERATIONS
        for n in ROWS:
            counts = some if candidate.family in ITERATIVE_FAMILIES else (None,)
            for trees in counts:
                params = (
                    candidate.params if trees is None else {**candidate.params, "max_iter": trees}
                )
                yield replace(candidate, params=params), matrix[:n], target[:n]


def time_scoring(model, levels, rows) -> float:
    """Microseconds per row: the best of a few rounds."""
    score, taken = compile_for_rows(model, levels), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for row in rows:
            score(row)
        taken.append(time.perf_counter() - start)
    return min(taken) / len(rows) * 1e6


def report(title, table, constants) -> None:
    """Print the constants that fit measurements best, and how well they fit."""
    names = list(dict.fromkeys(name for counts, _ in table for name in counts))
    counts = np.array([[row.get(name, 0) for name in names] for row, _ in table])
    weights = 1 / np.array([measured for _, measured in table])
    scale = counts.max(axis=0)
    fitted, _ = nnls(counts / scale * weights[:, None], np.ones(len(table)))
    ratio = counts / scale @ fitted * weights
    now = np.array([constants.get(name, 0) for name in names])
    print(f"\n{title}: now, best")
    for name, old, new in zip(names, now, fitted / scale, strict=True):
        print(f"  {name:28} {old:10.3g} {new:10.3g}")
    for label, found in (("now", counts @ now * weights), ("best", ratio)):
        low, middle, high = np.quantile(found, [0, 0.5, 1])
        print(f"  reckoned over measured, {label}: {middle:.2f} ({low:.2f} to {high:.2f})")


def main(tables) -> None:
    """Print one line per table, candidate and size, and the best constants."""
    scoring, fitting = [], []
    print(f"{'':22}{'':26}{'rows':>6}{'µs':>9}{'measured':>9}{'CPU s':>9}{'measured':>9}")
    for source, *keys in tables:
        table = load_table(source)
        contract = infer_contract(table, id=keys[0], target=keys[1], positive=keys[2])
        frame = validate_data(table, contract, 1.0).frame.iloc[: max(ROWS)]
        engineer = FeatureEngineer(contract)
        for candidate, matrix, target in cases(labels(frame, contract), engineer.transform(frame)):
            with bounded_threads(1):
                model = build(candidate, engineer.levels, 0)
                start = time.process_time()
                model.fit(matrix, target)
                seconds = time.process_time() - start
                micros = time_scoring(model, engineer.levels, matrix[:SCORED].tolist())
            last = model[-1] if hasattr(model, "steps") else model
            iterations = int(np.max(getattr(last, "n_iter_", candidate.params.get("max_iter", 0))))
            counts = budget.operations(candidate, len(matrix), engineer.levels, iterations)
            fitting.append((counts, seconds))
            scoring.append((scoring_cost.operations(model), micros))
            reckoned = sum(budget.SECONDS.get(name, 0) * n for name, n in counts.items())
            print(
                f"{source.split('/')[-1][:20]:22}{candidate.name:26}{len(matrix):6}"
                f"{scoring_cost.estimate_microseconds(model):9.1f}{micros:9.1f}"
                f"{reckoned:9.2f}{seconds:9.2f}",
                flush=True,
            )
    report("microseconds to score", scoring, scoring_cost.MICROSECONDS)
    report("CPU seconds to fit", fitting, budget.SECONDS)


if __name__ == "__main__":
    given = [sys.argv[i : i + 4] for i in range(1, len(sys.argv), 4)]
    main(given or [["telco", "customer_id", "churn", "Yes"]])
