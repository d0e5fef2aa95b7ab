"""The time to find formulas between number columns.

    python benchmarks/relations.py [--columns 1000] [--rows 100000]

Columns of noise and three that others determine: a product, a ratio and a sum of multiples; and one
that is mostly missing, which must not hide the others.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.data.relations import find_relations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    values = np.round(rng.gamma(2, 10, (options.rows, options.columns)) + 0.01, 2)
    values[:, -1] = values[:, 0] * values[:, 1]
    values[:, -2] = values[:, 2] / values[:, 3]
    values[:, -3] = values[:, 4] + 2 * values[:, 5] - values[:, 6] + 3
    values[rng.random(options.rows) < 0.95, 7] = np.nan
    names = [f"f{number}" for number in range(options.columns)]
    start, clock = time.process_time(), time.perf_counter()
    found = list(find_relations(names, values))
    print(f"{options.rows:,} rows, {options.columns:,} columns: ", end="")
    print(f"{time.process_time() - start:.1f} CPU seconds, {time.perf_counter() - clock:.1f} s")
    for name, formula in found:
        print(f"{name} = {formula}")


if __name__ == "__main__":
    main()
