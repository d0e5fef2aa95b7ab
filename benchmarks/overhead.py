"""The overhead of the flow, and the distance of its models to the true probabilities.

    python benchmarks/overhead.py [--table telco | --customers 500000] [--repeats 3]

For one table the flow, a whole process from start to end, is timed in turn with a plain script
that does the same work with joblib, one process per core: it reads the same table, cross-validates
the same candidates on the same folds, stacks, chooses, refits, evaluates, and compiles the model.
It makes no cards and stores nothing. The output: the median wall time of each, their ratio with its
range over the repeats, and the peak resident memory of any process and of all together. For
generated customers also: the ROC-AUC of the chosen model on the held-out ones, less that of their
true probabilities.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    options = parse()
    if options.joblib:
        the_same_by_joblib(options.joblib)
        return
    with tempfile.TemporaryDirectory() as folder:
        source = "telco"
        if options.customers:
            from churn.data.synthetic import generate_sample_data

            source = str(Path(folder) / "customers.parquet")
            generate_sample_data(options.customers, seed=1).to_parquet(source)
        roles = ["--id", "customer_id", "--target", "churn"] if options.customers else []
        flow = [sys.executable, str(ROOT / "flows/churn_flow.py"), "run", "--data", source, *roles]
        flow += ["--run-id-file", "run-id"]
        script = [sys.executable, __file__, "--joblib", source]
        rows = []
        for repeat in range(options.repeats):
            print(f"repeat {repeat + 1} of {options.repeats} …", file=sys.stderr, flush=True)
            rows.append([timed(command, folder) for command in (flow, script)])
        show(options.customers or 7043, rows)
        if options.customers:
            near_the_truth(options.customers, folder)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, help="generate so many instead of Telco")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--joblib", help=argparse.SUPPRESS)
    return parser.parse_args()


def the_same_by_joblib(source: str) -> None:
    """The same work without a flow: one script that stores nothing."""
    from joblib import Parallel, cpu_count, delayed

    from churn.data.holdout import holdout_mask, split_customers
    from churn.data.inference import settle_contract
    from churn.data.leakage import act_on, find_leaks
    from churn.data.parsing import labels
    from churn.data.readers import load_table
    from churn.data.validation import validate_data
    from churn.evaluation.profit import settle_threshold
    from churn.evaluation.report import evaluate_model
    from churn.evaluation.retention_costs import RetentionCosts
    from churn.evaluation.summary import summarize
    from churn.modeling.cross_validation import cross_validate
    from churn.modeling.model import ChurnModel
    from churn.modeling.sample import draw_search_sample
    from churn.modeling.search import collect
    from churn.modeling.search_space import BASELINE, DEFAULT_CANDIDATES
    from churn.modeling.selection import choose, leaderboard
    from churn.modeling.stacking import stack
    from churn.scoring.export.models import compare, compile_model

    table = load_table(source)
    roles = {} if source == "telco" else {"id": "customer_id", "target": "churn"}
    contract = settle_contract(table, source, {}, **roles)
    frame = validate_data(table, contract).frame
    held = holdout_mask(frame, contract, 0.2)
    seen = frame[~held]
    contract = act_on(find_leaks(seen, labels(seen, contract), contract), contract, "drop")
    split = split_customers(frame, contract, held)
    train, holdout = frame[split == "train"], frame[split == "holdout"]
    sample = draw_search_sample(train, contract, n_folds=5, max_rows=20_000, seed=0)
    baseline = cross_validate(BASELINE, sample, threads=cpu_count())
    trials = Parallel(n_jobs=cpu_count())(
        delayed(cross_validate)(candidate, sample, baseline=baseline)
        for candidate in DEFAULT_CANDIDATES
    )
    search = collect(DEFAULT_CANDIDATES, [(trial, "") for trial in trials], baseline)
    tried = [*search.trials, *stack(search.trials, sample)]
    best, costs = choose(tried, sample), RetentionCosts()
    leaderboard(tried, search.stopped, best, sample)
    threshold = settle_threshold(best.probabilities, train.iloc[sample.rows], costs)
    candidate = sample.rescale(best.candidate, len(train))
    model = ChurnModel(contract, candidate, 0, threshold).fit(train, threads=cpu_count())
    report = evaluate_model(model, train, holdout, sample, best, baseline, costs)
    agreement = compare(compile_model(model), model, holdout)
    print(summarize(report, candidate.name), agreement, sep="\n")


def timed(command: list[str], folder: str) -> tuple[float, int, int]:
    """Seconds, and the peak memory in MiB of one process and of all at once."""
    environment = os.environ | {"METAFLOW_USER": "benchmark"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, text=True,
    )  # fmt: skip
    peaks = {"one": 0, "all": 0}
    watcher = threading.Thread(target=watch, args=(process, peaks))
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - start
    watcher.join()
    if process.returncode:
        sys.exit(output)
    return seconds, peaks["one"] >> 20, peaks["all"] >> 20


def watch(process: subprocess.Popen, peaks: dict) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    while process.poll() is None:
        sizes = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.getsid(int(entry.name)) == process.pid:
                    sizes.append(int((entry / "statm").read_text().split()[1]) * page)
            except OSError:  # it has ended since it was listed
                continue
        peaks["one"] = max([peaks["one"], *sizes])
        peaks["all"] = max(peaks["all"], sum(sizes))
        time.sleep(0.1)


def show(customers: int, rows: list) -> None:
    ratios = [flow[0] / script[0] for flow, script in rows]
    print(f"{customers:,} customers, medians of {len(rows)}")
    for name, column in (("flow", 0), ("joblib script", 1)):
        seconds, one, whole = (statistics.median(row[column][i] for row in rows) for i in range(3))
        print(f"  {name:<14}{seconds:8.1f} s  {one:6.0f} MiB one process  {whole:6.0f} MiB all")
    span = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"  ratio         {statistics.median(ratios):8.2f}  ({span})")


def near_the_truth(customers: int, folder: str) -> None:
    os.chdir(folder)
    from metaflow import Run, namespace

    from churn.data.parsing import labels
    from churn.data.synthetic import generate_sample_data
    from churn.registry.model_file import load_model
    from churn.statistics.roc_auc import roc_auc

    namespace(None)
    data = Run(f"ChurnFlow/{Path(folder, 'run-id').read_text()}").data
    _, truth = generate_sample_data(customers, seed=1, return_probability=True)
    held = data.customers.read(data.split == "holdout")
    target, truth = labels(held, data.contract), truth[held.index - 1]
    ours = roc_auc(target, load_model(data.model_file).predict_proba(held)[:, 1])
    best = roc_auc(target, truth)
    print(f"  ROC-AUC       {ours:.4f}, of the true probabilities {best:.4f}: {ours - best:+.4f}")


if __name__ == "__main__":
    main()
