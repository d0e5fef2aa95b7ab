"""The reckoned cost of scoring beside the time that compiled scorers take.

    python benchmarks/scoring_cost.py [TABLE.csv ID TARGET POSITIVE]...

For each candidate of the search, fitted on a few thousand customers of each table: microseconds
per customer as `churn.modeling.scoring_cost` reckons them, and as measured (the best of a few
rounds). At the end the microseconds per operation that fit the measurements best.
"""

import sys
import time

import numpy as np
from scipy.optimize import nnls

from churn.data.inference import infer_contract
from churn.data.parsing import labels
from churn.data.readers import load_table
from churn.data.validation import validate_data
from churn.modeling.cross_validation import bounded_threads
from churn.modeling.encoder import FeatureEngineer
from churn.modeling.scoring_cost import MICROSECONDS, estimate_microseconds, operations
from churn.modeling.search_space import DEFAULT_CANDIDATES, ITERATIVE_FAMILIES, Candidate, build
from churn.scoring.export.estimators import compile_for_rows

ROWS, SCORED, REPEATS = 4_000, 200, 9
ITERATIONS = (60, 300)


def measure(model, levels, rows) -> float:
    """Microseconds per row: the best of a few rounds."""
    score, taken = compile_for_rows(model, levels), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for row in rows:
            score(row)
        taken.append(time.perf_counter() - start)
    return min(taken) / len(rows) * 1e6


def candidates():
    """Those of the search, boosting with few and with many trees."""
    for candidate in DEFAULT_CANDIDATES:
        if candidate.family not in ITERATIVE_FAMILIES:
            yield candidate
            continue
        for n in ITERATIONS:
            params = {**candidate.params, "max_iter": n}
            yield Candidate(f"{candidate.name}, {n} trees", candidate.family, params)


def main(tables) -> None:
    """Print one line per table and candidate, and the fitted microseconds."""
    counts, measured = [], []
    for source, *keys in tables:
        table = load_table(source)
        contract = infer_contract(table, target=keys[1], id=keys[0], positive=keys[2])
        frame = validate_data(table, contract, 1.0).frame.iloc[:ROWS]
        engineer = FeatureEngineer(contract)
        matrix, target = engineer.transform(frame), labels(frame, contract)
        for candidate in candidates():
            model = build(candidate, engineer.levels, 0)
            with bounded_threads(1):
                model.fit(matrix, target)
                taken = measure(model, engineer.levels, matrix[:SCORED].tolist())
            counts.append([operations(model)[name] for name in MICROSECONDS])
            measured.append(taken)
            print(
                f"{source.split('/')[-1]:28} {candidate.name:30} "
                f"{estimate_microseconds(model):8.1f} {taken:8.1f}",
                flush=True,
            )
    weights = 1 / np.array(measured)
    fitted, _ = nnls(np.array(counts) * weights[:, None], np.ones(len(measured)))
    ratio = np.array(counts) @ fitted * weights
    print({name: round(float(value), 4) for name, value in zip(MICROSECONDS, fitted, strict=True)})
    print(f"fitted over measured: {ratio.min():.2f} to {ratio.max():.2f}")


if __name__ == "__main__":
    given = [sys.argv[i : i + 4] for i in range(1, len(sys.argv), 4)]
    main(given or [["telco", "customer_id", "churn", "Yes"]])
