"""Learned policies on a real campaign, beside econml and causalml, on customers none has seen.

    python benchmarks/campaigns.py hillstrom.csv.gz --action segment --none "No E-Mail" \\
      --outcome visit --ignore conversion --ignore spend --risk history --peers PYTHON

Half of the customers teach, the other half judge, with another split for each seed; all learners
get the same halves. A policy acts on `--budget` of the customers. Its value is the mean doubly
robust score of what it would have done, over nobody, in units of the outcome per 1,000 customers;
the outcome models behind the score come from the teaching half. The interval of a difference to
this project's hybrid is paired by customer, of one split. PYTHON is an environment of its
own with econml and causalml (benchmarks/campaigns.txt); without it only this project is measured.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from churn.data.readers import load_table
from churn.targeting.experiment import Experiment
from churn.targeting.learners import Hybrid, doubly_robust, fit_outcomes, predict_outcomes
from churn.targeting.policies import assign
from churn.targeting.reading import read_experiment

PEERS = Path(__file__).with_name("campaigns_peers.py")
OURS = "hybrid"


def learn(experiment: Experiment, train: np.ndarray, test: np.ndarray, seed: int, peers: str):
    """The predicted effects on the test customers, and CPU seconds, by learner."""
    found, begin = {}, time.process_time()
    hybrid = Hybrid.fit(experiment.rows(train), seed)
    unseen = experiment.rows(test)
    found[OURS] = hybrid.predict(unseen.features, unseen.offsets), time.process_time() - begin
    if peers:
        with tempfile.TemporaryDirectory() as folder:
            table = pd.get_dummies(experiment.features, dtype=float)
            given, made = Path(folder, "in.npz"), Path(folder, "out.npz")
            np.savez(
                given, x=np.nan_to_num(table.to_numpy()), action=experiment.action,
                outcome=experiment.outcome, train=train, test=test, seed=seed,
            )  # fmt: skip
            subprocess.run([peers, str(PEERS), str(given), str(made)], check=True)
            with np.load(made) as results:
                for name in sorted({key.rpartition("|")[0] for key in results}):
                    found[name] = results[f"{name}|effects"], float(results[f"{name}|seconds"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table")
    parser.add_argument("--action", required=True)
    parser.add_argument("--none", required=True)
    parser.add_argument("--outcome", required=True)
    parser.add_argument("--ignore", action="append", default=[])
    parser.add_argument("--risk", default="")
    parser.add_argument("--budget", type=float, default=0.3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers", default="")
    options = parser.parse_args()
    experiment = read_experiment(
        load_table(options.table), options.action, options.none, options.outcome,
        risk=options.risk, ignore=options.ignore,
    ).known()  # fmt: skip
    n = len(experiment.action)
    earned: dict[str, list[np.ndarray]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in range(options.seeds):
        order = np.random.default_rng(seed).permutation(n)
        train, test = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
        unseen = experiment.rows(test)
        models = fit_outcomes(experiment.rows(train), seed)
        outcomes = predict_outcomes(models, unseen.features, unseen.offsets)
        scores = doubly_robust(unseen, outcomes)
        scores -= scores[:, :1]
        found = learn(experiment, train, test, seed, options.peers)
        rows, best = np.arange(len(test)), scores[:, 1:].mean(axis=0).argmax() + 1
        plans = {name: assign(effects, options.budget) for name, (effects, _) in found.items()}
        drawn = np.random.default_rng(seed).random(len(test)) < options.budget
        plans["at random"] = np.where(drawn, best, 0)
        if unseen.risk is not None:
            first = np.argsort(-unseen.risk, kind="stable")[: int(options.budget * len(test))]
            plans["by risk"] = np.isin(rows, first) * best
        for name, actions in plans.items():
            earned.setdefault(name, []).append(1_000 * scores[rows, actions])
            seconds.setdefault(name, []).append(found[name][1] if name in found else 0.0)
        print(f"split {seed + 1} of {options.seeds} done", file=sys.stderr, flush=True)
    print(f"| policy | {options.outcome} per 1,000 | less {OURS} (95 %) | CPU s |")
    print("| --- | ---: | ---: | ---: |")
    for name in sorted(earned, key=lambda name: -np.mean([part.mean() for part in earned[name]])):
        parts = [one - ours for one, ours in zip(earned[name], earned[OURS], strict=True)]
        gap = np.mean([part.mean() for part in parts])
        # The splits share customers, so more of them do not narrow this: it is that of one split.
        half = 1.96 * np.mean([part.std() / np.sqrt(len(part)) for part in parts])
        mean = np.mean([part.mean() for part in earned[name]])
        print(
            f"| {name} | {mean:.3f} | {gap:+.3f} ({gap - half:+.3f} to {gap + half:+.3f}) | "
            f"{np.mean(seconds[name]):.0f} |"
        )


if __name__ == "__main__":
    main()
