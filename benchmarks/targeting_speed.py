"""What it takes to learn effects from many outcomes and to judge policies by them.

    python benchmarks/targeting_speed.py [--customers 1000000] [--actions 1]

Customers of the world `middle` of targeting.py, a share of whom gets each action at random. The
time is that of this process, which uses one core; EffectFlow has a task per fold. The peak memory
is that of the process, the customers included.
"""

import argparse
import resource
import time

from churn.targeting.effects import FOLDS, combine_folds, fit_fold
from churn.targeting.experiment import check_experiment
from churn.targeting.learned import LearnedPolicy
from churn.targeting.report import judge
from targeting import BUDGET, COSTS, draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--actions", type=int, choices=(1, 2), default=1)
    options = parser.parse_args()
    experiment, _ = draw("middle", options.customers, 0, options.actions)
    costs = COSTS[: options.actions]
    seconds = [time.process_time()]

    def lap(name: str) -> None:
        seconds.append(time.process_time())
        print(f"| {name} | {seconds[-1] - seconds[-2]:.1f} |", flush=True)

    print("| step | CPU seconds |\n| --- | ---: |")
    checks = check_experiment(experiment)
    lap("check the experiment")
    folds = []
    for number in range(FOLDS):
        folds.append(fit_fold(experiment, number))
        lap(f"learn without fold {number + 1} of {FOLDS}, and predict it")
    effects = combine_folds(experiment, folds)
    report = judge(experiment, effects, checks, costs, BUDGET)
    lap("judge the policies")
    LearnedPolicy.fit(experiment, report, "spring", "EffectFlow/1")
    lap("fit the policy")
    print(f"| in all | {seconds[-1] - seconds[0]:.1f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"Peak memory: {peak:.2f} GiB. Decision: {report.chosen.policy}.")


if __name__ == "__main__":
    main()
