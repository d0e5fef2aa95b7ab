"""The log loss of this code less that of another checkout, on the same splits.

    python benchmarks/quality_against.py CHECKOUT [--tables FOLDER] [--seeds 2] [--rows 4000]

CHECKOUT is a clone at another commit with a virtual environment .venv of its own. Tables and splits
are those of benchmarks/quality.py, written once by the other checkout, so that both codes get the
same contract, training rows and test rows. Each fits by its own flow, as a whole process, with a
budget that no candidate exceeds, since an older code's clock would measure the machine's load. The
interval of the mean difference is from a bootstrap over the test customers of each split.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from churn.statistics.intervals import bootstrap  # noqa: E402
from churn.statistics.log_odds import row_losses  # noqa: E402

SPLITS = """
import sys
from pathlib import Path
sys.path[:0] = ["benchmarks", "."]
from quality_tables import draw_split, read_tables
folder, tables, seeds, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for seed in range(seeds):
    for table in read_tables(Path(tables) if tables else None):
        split = folder / f"{table.name} {seed}"
        split.mkdir(parents=True)
        draw_split(table, seed, rows).write(split)
"""
PREDICT = """
import sys
import numpy as np, pandas as pd
sys.path.insert(0, ".")
from metaflow import Run, namespace
namespace(None)
folder = sys.argv[1]
data = Run("ChurnFlow/" + open(f"{folder}/run-id").read()).data
try:
    from churn.registry.model_file import load_model
    model = load_model(data.model_file)
except ModuleNotFoundError:  # an older checkout
    model = data.model
chance = model.predict_proba(pd.read_parquet(f"{folder}/test.parquet"))[:, 1]
np.save(f"{folder}/probabilities.npy", chance)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--tables", default="", help="folder of NAME.csv with NAME.toml beside it")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=4_000)
    options = parser.parse_args()
    checkout, gaps = options.checkout.resolve(), {}
    tables = options.tables and str(Path(options.tables).resolve())
    with tempfile.TemporaryDirectory(prefix="against-") as folder:
        run(checkout, Path(folder), "-c", SPLITS, folder, tables, options.seeds, options.rows)
        for split in sorted(Path(folder).iterdir(), key=lambda one: one.name[::-1]):
            old, new = (losses(code, split) for code in (checkout, ROOT))
            gaps[split.name] = new - old
            print(
                f"{split.name}: {old.mean():.4f} -> {new.mean():.4f} ({(new - old).mean():+.4f})",
                flush=True,
            )
    found = mean_gap(list(gaps.values()))
    print(f"mean of {len(gaps)} splits: {found['value']:+.4f} "
          f"({found['low']:+.4f} to {found['high']:+.4f})")  # fmt: skip


def losses(checkout: Path, split: Path) -> np.ndarray:
    """The loss of each test row, in nats, by a model that a checkout's flow fits."""
    with tempfile.TemporaryDirectory(prefix="store-") as store:
        settings = {
            "METAFLOW_USER": "benchmark", "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_DEFAULT_METADATA": "local", "METAFLOW_DATASTORE_SYSROOT_LOCAL": store,
            "METAFLOW_CLIENT_CACHE_PATH": f"{store}/cache", "CHURN_HOME": store,
        }  # fmt: skip
        flow = (
            "flows/churn_flow.py", "--config", "contract", split / "contract.toml", "run",
            "--data", split / "train.parquet", "--seed", split.name.split()[-1], "--holdout", 0,
            "--budget-seconds", 100_000, "--run-id-file", split / "run-id",
        )  # fmt: skip
        run(checkout, split, *flow, **settings)
        run(checkout, split, "-c", PREDICT, split, **settings)
    chance = np.load(split / "probabilities.npy")
    target = pd.read_parquet(split / "test.parquet").iloc[:, -1].to_numpy()
    return row_losses(target, chance)


def run(checkout: Path, folder: Path, *arguments: object, **settings: str) -> None:
    """Run the Python of a checkout, which imports the code of that checkout."""
    environment = os.environ | settings | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [str(checkout / ".venv/bin/python"), *map(str, arguments)], cwd=checkout, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{checkout}, {folder.name}:\n{done.stdout[-3000:]}")


def mean_gap(gaps: list[np.ndarray]) -> dict[str, float]:
    """The mean over splits of the mean difference, with a bootstrap over each split's rows."""
    ends = np.cumsum([len(gap) for gap in gaps])[:-1]
    rows = np.concatenate(gaps)

    def mean(weights: np.ndarray) -> dict[str, np.ndarray]:
        parts = zip(
            np.split(weights * rows, ends, axis=1), np.split(weights, ends, axis=1), strict=True
        )
        return {"gap": np.mean([top.sum(axis=1) / of.sum(axis=1) for top, of in parts], axis=0)}

    return bootstrap(mean, len(rows), 0)["gap"]


if __name__ == "__main__":
    main()
