"""Fit an alternative to ChurnFlow; benchmarks/quality.py starts this script.

    python benchmarks/peers.py lightgbm FOLDER --target churn --threads 2 --seed 0

It runs in the peers' own virtual environment (benchmarks/peers.txt) and imports nothing of the
project. FOLDER holds train.parquet and test.parquet: typed features, and the target as 1 or 0.
It writes probabilities.npy, the probability of leaving of each test row, and fit.json, the seconds
of the fit (without imports and reading) and the versions of the libraries.

Each library is used as its documentation introduces it: defaults, native categories if supported,
and log loss as the metric if it can be set.
"""

import argparse
import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

LABEL = "left"


def main() -> None:
    options = parse()
    train, test = (read(options.folder / f"{part}.parquet") for part in ("train", "test"))
    target = train.pop(options.target).to_numpy()
    test = alike(test.drop(columns=options.target), train)
    with tempfile.TemporaryDirectory() as scratch:
        model = BUILD[options.peer](train, options, scratch)
        start = time.perf_counter()
        model.fit(train, target)
        seconds = time.perf_counter() - start
        chance = np.asarray(model.predict_proba(test), dtype=np.float64)[:, 1]
    np.save(options.folder / "probabilities.npy", chance)
    packages = {name: version(name) for name in PACKAGES[options.peer]}
    result = {"seconds": seconds, "packages": packages}
    (options.folder / "fit.json").write_text(json.dumps(result), "utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=BUILD)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, help="time limit, where there is one to set")
    return parser.parse_args()


def read(path: Path) -> pd.DataFrame:
    frame = pd.read_parquet(path)
    texts = frame.select_dtypes("category").columns
    # Categories read from Parquet may have pandas' or Arrow's type of text.
    return frame.assign(
        **{name: frame[name].cat.rename_categories(lambda text: str(text)) for name in texts}
    )


def alike(test: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Test rows with the categories of the training rows, so that codes are the same."""
    texts = train.select_dtypes("category").columns
    return test.assign(
        **{name: test[name].cat.set_categories(train[name].cat.categories) for name in texts}
    )


def logistic(train: pd.DataFrame, options, scratch: str):
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_column_selector(dtype_include="number")
    texts = make_column_selector(dtype_include="category")
    encode = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), texts),
    )
    return make_pipeline(encode, LogisticRegression(max_iter=1_000))


def lightgbm(train: pd.DataFrame, options, scratch: str):
    from lightgbm import LGBMClassifier

    return Plainly(LGBMClassifier(n_jobs=options.threads, random_state=options.seed, verbosity=-1))


def xgboost(train: pd.DataFrame, options, scratch: str):
    from xgboost import XGBClassifier

    return Plainly(
        XGBClassifier(enable_categorical=True, n_jobs=options.threads, random_state=options.seed)
    )


def catboost(train: pd.DataFrame, options, scratch: str):
    from catboost import CatBoostClassifier

    texts = list(train.select_dtypes("category").columns)
    return WordsForMissing(
        CatBoostClassifier(
            cat_features=texts, thread_count=options.threads, random_seed=options.seed,
            verbose=False, allow_writing_files=False,
        ),
        texts,
    )  # fmt: skip


def flaml(train: pd.DataFrame, options, scratch: str):
    from flaml import AutoML

    return AutoML(
        task="classification", metric="log_loss", time_budget=options.seconds,
        n_jobs=options.threads, seed=options.seed, verbose=0, log_file_name=f"{scratch}/flaml.log",
    )  # fmt: skip


class Plainly:
    """A booster that refuses some characters in column names: the columns are numbered."""

    def __init__(self, model):
        self.model = model

    def fit(self, frame: pd.DataFrame, target: np.ndarray) -> None:
        self.model.fit(self._numbered(frame), target)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        return self.model.predict_proba(self._numbered(frame))

    def _numbered(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.set_axis([f"column_{i}" for i in range(frame.shape[1])], axis=1)


class WordsForMissing:
    """CatBoost requires categories as texts without missing values."""

    def __init__(self, model, texts: list[str]):
        self.model = model
        self.texts = texts

    def fit(self, frame: pd.DataFrame, target: np.ndarray) -> None:
        self.model.fit(self._filled(frame), target)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        return self.model.predict_proba(self._filled(frame))

    def _filled(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            **{name: frame[name].astype(object).fillna("(missing)") for name in self.texts}
        )


class AutoGluon:
    """AutoGluon, which takes the target as a column."""

    def __init__(self, presets: str, options, scratch: str):
        self.presets = presets
        self.options = options
        self.scratch = scratch

    def fit(self, frame: pd.DataFrame, target: np.ndarray) -> None:
        from autogluon.tabular import TabularPredictor

        self.predictor = TabularPredictor(
            label=LABEL, problem_type="binary", eval_metric="log_loss", path=self.scratch
        ).fit(
            frame.assign(**{LABEL: target}), presets=self.presets,
            time_limit=self.options.seconds, num_cpus=self.options.threads, num_gpus=0,
        )  # fmt: skip

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        return self.predictor.predict_proba(frame)[[0, 1]].to_numpy()


def autogluon_medium(train: pd.DataFrame, options, scratch: str):
    import autogluon.tabular  # noqa: F401 (not part of the time to fit)

    return AutoGluon("medium_quality", options, scratch)


def autogluon_best(train: pd.DataFrame, options, scratch: str):
    import autogluon.tabular  # noqa: F401 (not part of the time to fit)

    return AutoGluon("best_quality", options, scratch)


BUILD = {
    "logistic": logistic,
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "catboost": catboost,
    "flaml": flaml,
    "autogluon-medium": autogluon_medium,
    "autogluon-best": autogluon_best,
}
AUTOGLUON = [
    "autogluon.tabular", "lightgbm", "xgboost", "catboost", "fastai", "pytabkit", "torch",
]  # fmt: skip
PACKAGES = {
    "logistic": ["scikit-learn"],
    "lightgbm": ["lightgbm"],
    "xgboost": ["xgboost"],
    "catboost": ["catboost"],
    "flaml": ["flaml", "lightgbm", "xgboost", "catboost", "scikit-learn"],
    "autogluon-medium": AUTOGLUON,
    "autogluon-best": AUTOGLUON,
}

if __name__ == "__main__":
    sys.exit(main())
