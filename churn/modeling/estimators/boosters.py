"""LightGBM and CatBoost, where they are installed, as the search trains boosting.

Both get the columns as they are: categories as such, and missing values. The number of trees is
learned out of fold like that of the built-in boosting, by the loss after each tree.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from churn.statistics.log_odds import row_losses
from churn.statistics.weighting import weighted_mean

# Validation rows, their classes and their weights.
Watched = tuple[np.ndarray, np.ndarray, np.ndarray | None] | None


class _Booster(ClassifierMixin, BaseEstimator):
    """What the two have in common.

    Parameters
    ----------
    categorical : ndarray of bool, shape (n_columns,)
    learning_rate : float
    max_iter : int
        The number of trees.
    params : mapping
        Of the library's class.
    threads : int
    early_stopping : bool
        Stop when `n_iter_no_change` trees in a row have not lowered the loss of the validation
        rows given to `fit`.
    n_iter_no_change : int
    random_state : int

    Attributes
    ----------
    model_ : fitted classifier of the library
    validation_score_ : ndarray of float64, shape (n_trees + 1,)
        Minus the log loss of the validation rows, before the first tree and after each.
    """

    classes_ = np.array([0, 1])
    fixed: tuple[str, ...] = ()

    def __init__(
        self,
        categorical: np.ndarray,
        learning_rate: float = 0.05,
        max_iter: int = 2_000,
        params: Mapping[str, Any] | None = None,
        threads: int = 1,
        early_stopping: bool = False,
        n_iter_no_change: int = 50,
        random_state: int = 0,
    ):
        self.categorical = categorical
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.params = params
        self.threads = threads
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state

    @classmethod
    def of_params(
        cls, categorical: np.ndarray, params: Mapping[str, Any], threads: int, seed: int
    ) -> Self:
        """With the parameters of a search file: its own two, and those of the library's class."""
        own = {name: params[name] for name in ("learning_rate", "max_iter") if name in params}
        rest = {name: value for name, value in params.items() if name not in own}
        return cls(categorical, params=rest, threads=threads, random_state=seed, **own)

    def parameter_problems(self) -> list[str]:
        """Every parameter that cannot be used, a sentence each."""
        problems = [
            f"{name} is set by the search: leave it out"
            for name in self.fixed
            if name in (self.params or {})
        ]
        problems += [
            f"{name} must be above 0, not {getattr(self, name)!r}"
            for name in ("learning_rate", "max_iter")
            if not getattr(self, name) > 0
        ]
        if not problems:
            try:
                self._build()
            except TypeError as error:  # of a parameter that the class does not have
                problems.append(str(error))
        return problems

    def fit(
        self,
        matrix: np.ndarray,
        target: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        X_val: np.ndarray | None = None,
        y_val: np.ndarray | None = None,
        sample_weight_val: np.ndarray | None = None,
    ) -> Self:
        """Fit the trees; see `churn.modeling.estimators.oblivious` for the parameters."""
        self.model_ = self._build()
        self.n_trees_ = self.max_iter
        watched = None
        if self.early_stopping and X_val is not None and y_val is not None:
            watched = X_val, y_val, sample_weight_val
        self._train(matrix, target, sample_weight, watched)
        losses: list[float] = []
        if watched:
            rate = weighted_mean(target, sample_weight)
            before = np.full(len(watched[0]), rate)
            stages = (stage[:, 1] for stage in self.staged_predict_proba(watched[0]))
            losses = [
                weighted_mean(row_losses(watched[1], chance), watched[2])
                for chance in (before, *stages)
            ]
        self.validation_score_ = -np.array(losses)
        return self

    def _build(self) -> Any:
        """The library's classifier, not fitted."""
        raise NotImplementedError

    def _train(
        self, matrix: np.ndarray, target: np.ndarray, weights: np.ndarray | None, watched: Watched
    ) -> None:
        """Fit it, until the loss of the watched rows stops falling where there are any."""
        raise NotImplementedError

    def staged_predict_proba(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """The probabilities after each tree: (n, 2) float64."""
        raise NotImplementedError

    def truncate(self, n_trees: int) -> None:
        """Predict by the first `n_trees` only."""
        self.n_trees_ = n_trees


class LightGBM(_Booster):
    """LightGBM's LGBMClassifier (Ke et al. 2017)."""

    fixed = ("n_estimators", "n_jobs", "random_state", "verbosity", "deterministic")

    def _build(self) -> Any:
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            n_estimators=self.max_iter, learning_rate=self.learning_rate, n_jobs=self.threads,
            random_state=self.random_state, deterministic=True, verbosity=-1,
            **self.params or {},
        )  # fmt: skip

    def _train(
        self, matrix: np.ndarray, target: np.ndarray, weights: np.ndarray | None, watched: Watched
    ) -> None:
        from lightgbm import early_stopping

        options: dict[str, Any] = {}
        if watched:
            rows, labels, row_weights = watched
            options = {
                "eval_X": (rows,),
                "eval_y": (labels,),
                "eval_sample_weight": None if row_weights is None else [row_weights],
                "eval_metric": "binary_logloss",
                "callbacks": [early_stopping(self.n_iter_no_change, verbose=False)],
            }
        categories = np.flatnonzero(self.categorical).tolist()
        self.model_.fit(
            matrix, target, sample_weight=weights, categorical_feature=categories, **options
        )
        self.n_trees_ = self.model_.booster_.current_iteration()

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        chance: np.ndarray = self.model_.booster_.predict(matrix, num_iteration=self.n_trees_)
        return np.column_stack([1 - chance, chance])

    def staged_predict_proba(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """The probabilities after each tree: (n, 2) float64."""
        raw = np.zeros(len(matrix))
        for tree in range(self.n_trees_):
            raw = raw + self.model_.booster_.predict(
                matrix, start_iteration=tree, num_iteration=1, raw_score=True
            )
            chance = 1 / (1 + np.exp(-raw))
            yield np.column_stack([1 - chance, chance])


class CatBoost(_Booster):
    """CatBoost's CatBoostClassifier (Prokhorenkova et al. 2018)."""

    fixed = ("iterations", "n_estimators", "cat_features", "thread_count", "random_seed",
             "random_state", "verbose", "allow_writing_files")  # fmt: skip

    def _build(self) -> Any:
        from catboost import CatBoostClassifier

        return CatBoostClassifier(
            iterations=self.max_iter, learning_rate=self.learning_rate,
            thread_count=self.threads, random_seed=self.random_state, verbose=False,
            allow_writing_files=False, cat_features=np.flatnonzero(self.categorical).tolist(),
            **self.params or {},
        )  # fmt: skip

    def _train(
        self, matrix: np.ndarray, target: np.ndarray, weights: np.ndarray | None, watched: Watched
    ) -> None:
        from catboost import Pool

        options: dict[str, Any] = {}
        if watched:
            rows, labels, row_weights = watched
            cats = np.flatnonzero(self.categorical).tolist()
            pool = Pool(self._frame(rows), labels, cat_features=cats, weight=row_weights)
            options = {"eval_set": pool, "early_stopping_rounds": self.n_iter_no_change,
                       "use_best_model": False}  # fmt: skip
        self.model_.fit(self._frame(matrix), target, sample_weight=weights, **options)
        self.n_trees_ = self.model_.tree_count_

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        """The probabilities of staying and of leaving: (n, 2) float64."""
        found: np.ndarray = self.model_.predict_proba(
            self._frame(matrix), ntree_end=self.n_trees_, thread_count=self.threads
        )
        return found

    def staged_predict_proba(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """The probabilities after each tree: (n, 2) float64."""
        stages: Iterator[np.ndarray] = self.model_.staged_predict_proba(
            self._frame(matrix), ntree_end=self.n_trees_, thread_count=self.threads
        )
        return stages

    def _frame(self, matrix: np.ndarray) -> pd.DataFrame:
        """The columns with levels as texts, as CatBoost takes them."""
        return pd.DataFrame(
            {
                place: column.astype(str) if category else column
                for place, (column, category) in enumerate(
                    zip(matrix.T, self.categorical, strict=True)
                )
            }
        )
