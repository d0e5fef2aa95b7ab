"""The learners of econml and causalml, in their own environment; see campaigns.py."""

import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def boosting(seed):
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=100, learning_rate=0.05, num_leaves=7, min_child_samples=100,
                         random_state=seed, verbose=-1)  # fmt: skip


def learners(seed):
    from causalml.inference.meta import BaseTRegressor, BaseXRegressor
    from econml.dml import CausalForestDML
    from econml.dr import DRLearner
    from sklearn.dummy import DummyClassifier

    # The actions were drawn with known shares, so a constant is the right propensity.
    yield "econml causal forest", CausalForestDML(
        model_y=boosting(seed), model_t=DummyClassifier(), discrete_treatment=True, cv=3,
        n_estimators=500, min_samples_leaf=50, random_state=seed,
    )  # fmt: skip
    yield "econml DR-learner", DRLearner(
        model_propensity=DummyClassifier(), model_regression=boosting(seed),
        model_final=boosting(seed), cv=3, random_state=seed,
    )  # fmt: skip
    yield "causalml X-learner", BaseXRegressor(learner=boosting(seed), control_name="0")
    yield "causalml T-learner", BaseTRegressor(learner=boosting(seed), control_name="0")


def main() -> None:
    given = np.load(sys.argv[1])
    x, action, outcome = given["x"], given["action"], given["outcome"]
    train, test, seed = given["train"], given["test"], int(given["seed"])
    count = int(action.max())
    found = {}
    for name, learner in learners(seed):
        begin = time.process_time()
        if name.startswith("econml"):
            learner.fit(outcome[train], action[train], X=x[train])
            columns = [learner.effect(x[test], T0=0, T1=k).ravel() for k in range(1, count + 1)]
            effects = np.column_stack(columns)
        else:
            texts = action[train].astype(str)
            shares = {
                str(k): np.full(len(train), (action[train] == k).mean())
                for k in range(1, count + 1)
            }
            named = {"p": shares} if "X-learner" in name else {}
            learner.fit(X=x[train], treatment=texts, y=outcome[train], **named)
            of_test = {key: np.full(len(test), value[0]) for key, value in shares.items()}
            named = {"p": of_test} if "X-learner" in name else {}
            effects = np.asarray(learner.predict(x[test], **named))
        found[f"{name}|effects"] = effects
        found[f"{name}|seconds"] = np.array(time.process_time() - begin)
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()
