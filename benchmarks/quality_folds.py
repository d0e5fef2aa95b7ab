"""Candidates on the training rows of benchmarks/quality.py, out of fold; each result is kept."""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import joblib
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from quality_tables import Table, draw_split, read_tables, shaped_tables

from churn.data.near_copies import find_near_copies
from churn.errors import ChurnError
from churn.modeling.cross_validation import cross_validate
from churn.modeling.sample import SearchSample, draw_search_sample
from churn.modeling.search_space import DEFAULT_CANDIDATES, Candidate
from churn.modeling.stack_weights import predict_out_of_fold
from churn.statistics.log_odds import logit, row_losses

FOLDS, MAX_ROWS = 5, 20_000
MEMBERS = tuple(candidate for candidate in DEFAULT_CANDIDATES if candidate.member)


@dataclass(frozen=True)
class Split:
    """The out-of-fold log odds of every candidate on the training rows of a table.

    Attributes
    ----------
    logits : dict of str to ndarray of float64, shape (n,)
        By the candidate's name.
    """

    table: str
    sample: SearchSample
    logits: dict[str, np.ndarray]

    def losses(self, more: Sequence[str]) -> np.ndarray:
        """The losses of the stack of the default's members and `more`, out of fold: (n,)."""
        names = [*(candidate.name for candidate in MEMBERS), *more]
        columns = np.column_stack([self.logits[name] for name in names])
        chance = predict_out_of_fold(columns, self.sample.labels, self.sample.fold)
        return row_losses(self.sample.labels, chance)

    def gain(self, more: Sequence[str]) -> float:
        """What `more` adds to the mean loss of the stack, in nats."""
        return float(np.mean(self.losses(more) - self._without))

    @cached_property
    def _without(self) -> np.ndarray:
        return self.losses(())


def options_of(about: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--tables", type=Path, help="folder of NAME.csv with NAME.toml beside it")
    parser.add_argument("--only", nargs="*", metavar="TABLE", help="of all tables these")
    parser.add_argument("--seeds", type=int, default=2, help="%(default)s")
    parser.add_argument("--rows", type=int, default=3_000, help="to train on, %(default)s")
    default = Path(__file__).parent / ".quality-candidates"
    parser.add_argument("--results", type=Path, default=default, metavar="FOLDER")
    return parser.parse_args()


def shown_tables(options: argparse.Namespace) -> list[Table]:
    tables = [*read_tables(options.tables), *shaped_tables()]
    return [table for table in tables if not options.only or table.name in options.only]


def measured(
    tables: Sequence[Table],
    candidates: Sequence[Candidate],
    seed: int,
    options: argparse.Namespace,
) -> Iterator[Split]:
    """Cross-validate the candidates on a split of each table, or take what was kept of it."""
    remember = joblib.Memory(options.results, verbose=0).cache
    code = committed_code()
    for table in tables:
        split = draw_split(table, seed, options.rows)
        train = table.frame.iloc[split.train].reset_index(drop=True)
        copies = find_near_copies(train, table.contract)
        groups = None if copies is None else copies.groups
        sample = draw_search_sample(train, table.contract, FOLDS, MAX_ROWS, seed, groups)
        chances = {c.name: remember(out_of_fold)(c, sample, seed, code) for c in candidates}
        yield Split(table.name, sample, {name: logit(chances[name]) for name in chances})


def committed_code() -> str:
    """What the models depend on, as git names it; another commit may leave it as it is."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(Path(__file__).parents[1]), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    folders = ["churn/modeling", "churn/statistics"]
    changed = git("status", "--porcelain", "--", *folders).splitlines()
    if changed:
        raise ChurnError("Results are kept by commit; commit first:", changed)
    return git("rev-parse", *(f"HEAD:{folder}" for folder in folders))


def out_of_fold(candidate: Candidate, sample: SearchSample, seed: int, code: str) -> np.ndarray:
    """The out-of-fold probabilities: (n,) float64. `code` is the version that they are of."""
    return cross_validate(candidate, sample, seed, 1).probabilities
