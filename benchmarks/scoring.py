"""The speed of ScoreFlow compared with the model alone, and the memory of its tasks.

    python benchmarks/scoring.py [--customers 10000000] [--repeats 3]

ChurnFlow is run once on Telco with its defaults. Then generated customers are written to Parquet,
and ScoreFlow, a whole process from start to end, makes a list of them: read, validated against the
contract, scored, ranked, explained, written. It is compared with `predict_proba` of the same run's
model, on a matrix that is encoded already, in one process per core, each with one thread, in pieces
as large as ScoreFlow's chunks. Both are measured in turn. The output: customers per second of each,
and of the flow's scoring tasks alone (from the first's start to the last's end), the
ratios to the model alone, and the largest resident memory of any process of the flow.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from overhead import ROOT, timed

REFERENCE_ROWS = 500_000
PART_ROWS = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ |= {"METAFLOW_USER": "benchmark"}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = folder
        train = [sys.executable, str(ROOT / "flows/churn_flow.py"), "run"]
        subprocess.run([*train, "--run-id-file", "model"], check=True, capture_output=True)
        run = Path("model").read_text()
        write_customers(options.customers)
        score = [sys.executable, str(ROOT / "flows/score_flow.py"), "run", "--run", run]
        score += ["--data", "customers.parquet", "--output", "calls.parquet"]
        score += ["--run-id-file", "list"]
        rows = []
        for repeat in range(options.repeats):
            print(f"repeat {repeat + 1} of {options.repeats} …", file=sys.stderr, flush=True)
            alone = model_alone(run, min(options.customers, REFERENCE_ROWS))
            seconds, peak, _ = timed(score, folder)
            tasks = options.customers / scoring_seconds(Path("list").read_text())
            rows.append((alone, options.customers / seconds, tasks, peak))
        show(options.customers, rows)


def write_customers(n: int) -> None:
    """Generated customers as one Parquet file, in pieces."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from churn.data.synthetic import generate_sample_data

    writer = None
    for start in range(0, n, PART_ROWS):
        part = generate_sample_data(min(PART_ROWS, n - start), seed=start)
        part["customer_id"] += start
        table = pa.Table.from_pandas(part.drop(columns="churn"), preserve_index=False)
        writer = writer or pq.ParquetWriter("customers.parquet", table.schema)
        writer.write_table(table)
    writer.close()


def model_alone(run: str, rows: int) -> float:
    """Customers per second of all cores together."""
    from joblib import Parallel, cpu_count, delayed

    cores = cpu_count()
    start = time.time() + 8  # by then all processes have encoded their customers
    found = Parallel(n_jobs=cores)(delayed(predict)(run, rows, start) for _ in range(cores))
    return cores * rows / (max(found) - start)


def predict(run: str, rows: int, start: float) -> float:
    """The time at which a process that starts at `start` has predicted its rows."""
    import metaflow
    from threadpoolctl import threadpool_limits

    from churn.campaign.shards import CHUNK_ROWS
    from churn.data.parsing import parse_features
    from churn.data.synthetic import generate_sample_data
    from churn.registry.model_file import load_model

    metaflow.namespace(None)
    model = load_model(metaflow.Run(f"ChurnFlow/{run}").data.model_file)
    matrix = model.engineer_.transform(parse_features(generate_sample_data(rows), model.contract))
    with threadpool_limits(1):
        model.estimator_.predict_proba(matrix[:CHUNK_ROWS])
        if time.time() > start:
            raise RuntimeError("the machine is too busy to start both at once")
        time.sleep(start - time.time())
        for first in range(0, rows, CHUNK_ROWS):
            model.estimator_.predict_proba(matrix[first : first + CHUNK_ROWS])
    return time.time()


def scoring_seconds(run: str) -> float:
    """From the start of the first scoring task of a run to the end of the last."""
    import metaflow

    metaflow.namespace(None)
    tasks = list(metaflow.Step(f"ScoreFlow/{run}/score"))
    start = min(task.created_at for task in tasks)
    return (max(task.finished_at for task in tasks) - start).total_seconds()


def show(customers: int, rows: list) -> None:
    alone, flow, tasks, peak = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{customers:,} customers, medians of {len(rows)}, on {os.cpu_count()} cores")
    print(f"  model alone   {alone:12,.0f} customers/s")
    for name, rate, column in (("flow", flow, 1), ("its scoring", tasks, 2)):
        ratios = [row[column] / row[0] for row in rows]
        span = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"  {name:<14}{rate:12,.0f} customers/s  {span} of the model alone")
    print(f"  memory        {peak:12,.0f} MiB in the largest process")


if __name__ == "__main__":
    main()
