"""A new model and the champions before it, which are models in memory."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.parsing import labels
from churn.errors import ChurnError
from churn.registry.champion_comparison import best_ever, hold_against, surely_below
from churn.registry.out_of_fold import Pairs, keep_out_of_fold, pair_out_of_fold
from churn.registry.past_champions import (
    MOST_CHAMPIONS,
    NewModel,
    PastChampions,
    compare_with_champions,
)
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import Explainer
from churn.scoring.program import Program
from churn.scoring.scorer import Agreement, Scorer
from churn.statistics.log_odds import sigmoid

CONTRACT = Contract.parse(
    {
        "target": "left", "positive": "1", "negative": ["0"],
        "features": {name: {"kind": "number"} for name in ("tenure", "price")},
    }
)  # fmt: skip


def customers(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.normal(size=n) for name in ("tenure", "price")})
    left = rng.random(n) < sigmoid(2 * table["tenure"] - 0.5)
    return table.assign(left=left.astype(int).astype(str))


def champion(run: str, slope: float, **changed) -> Deployment:
    """A champion whose log odds are a multiple of the tenure; the truth is 2 x - 0.5."""
    steps = [
        {"op": "number", "name": "tenure"},
        {"op": "sum", "intercept": -0.5, "weights": [slope], "terms": [0]},
        {"op": "sigmoid", "of": 1},
    ]
    scorer = Scorer(Program.parse({"steps": steps}), 0.5)
    made = Deployment(
        run=run, candidate="line", family="line", costs={}, contract=CONTRACT, scorer=scorer,
        agreement=Agreement(1, 0.0, 0, 1.0), explainer=Explainer(CONTRACT, {}, {}), metrics={},
        evaluated_on="hold-out", reliability=[], importances=[], lineage={}, fingerprint=run,
        customers=1, created_at=None,
    )  # fmt: skip
    return replace(made, **changed)


def store(*champions: Deployment, lost=(), theirs=None) -> PastChampions:
    """A store with these champions, the newest first, of which some cannot be read."""
    by_run = {one.run: one for one in champions}

    def fetch(run):
        if run in lost:
            raise ChurnError("its artifacts are gone")
        return by_run[run]

    runs = tuple(one.run for one in champions)
    return PastChampions(runs, fetch=fetch, fetch_out_of_fold=(theirs or {}).get)


def new_model(rows, slope=2.0, **more) -> NewModel:
    return NewModel(CONTRACT, rows, sigmoid(slope * rows["tenure"].to_numpy() - 0.5), **more)


def loss_of(rows, slope):
    chance = sigmoid(slope * rows["tenure"].to_numpy() - 0.5)
    target = labels(rows, CONTRACT)
    return -np.log(np.where(target == 1, chance, 1 - chance))


@pytest.fixture(scope="module")
def rows():
    return customers()


def test_without_champions_there_is_nothing_to_compare(rows):
    found = compare_with_champions(new_model(rows), store())
    assert (found.rival, found.best, found.fingerprint) == (None, None, "")


def test_without_held_out_customers_the_current_champion_is_named(rows):
    found = compare_with_champions(new_model(rows[:0]), store(champion("now", 1.0)))
    assert (found.rival.run, found.rival.difference) == ("now", None)
    assert found.rival.problem == "nobody was held out"
    assert found.best is None


def test_the_current_champion_is_compared_on_all_rows(rows):
    found = compare_with_champions(new_model(rows), store(champion("now", 1.0)))
    expected = (loss_of(rows, 2.0) - loss_of(rows, 1.0)).mean()
    assert found.rival.difference["value"] == pytest.approx(expected)
    assert (found.rival.held_out, found.rival.out_of_fold) == (400, 0)
    assert found.fingerprint == "now"
    assert found.best is None


def test_it_is_compared_on_rows_that_it_was_not_trained_on(rows):
    """Weights are of those rows, too."""
    apart = np.arange(len(rows)) % 4 > 0
    weights = np.where(np.arange(len(rows)) % 3 == 0, 5.0, 1.0)
    held = {0: apart, 2: ~apart}
    model = new_model(rows, weights=weights, held_after=held.get)
    for lineage, at in (({}, apart), ({"renewals": 2}, ~apart)):
        found = compare_with_champions(model, store(champion("now", 1.0, lineage=lineage)))
        losses = (loss_of(rows, 2.0) - loss_of(rows, 1.0))[at]
        assert found.rival.held_out == at.sum()
        assert found.rival.difference["value"] == pytest.approx(
            np.average(losses, weights=weights[at])
        )


def test_a_champion_that_cannot_be_read_is_named_with_the_reason(rows):
    """And the best of the others is compared all the same."""
    past = store(champion("now", 2.0), champion("old", 1.0), lost=["now"])
    found = compare_with_champions(new_model(rows), past)
    assert (found.rival.run, found.rival.difference) == ("now", None)
    assert "its artifacts are gone" in found.rival.problem
    assert found.fingerprint == ""
    assert found.best.run == "old"
    assert found.best.difference["value"] < 0


def test_the_best_ever_is_compared_where_it_is_not_the_current_one(rows):
    best, worse = champion("best", 2.0), champion("worse", 0.2)
    found = compare_with_champions(new_model(rows), store(worse, best))
    assert (found.rival.run, found.best.run) == ("worse", "best")
    assert found.best.difference["value"] == pytest.approx(0, abs=1e-12)
    assert found.best.held_out == len(rows)
    found = compare_with_champions(new_model(rows), store(best, worse))
    assert (found.rival.run, found.best) == ("best", None)


def test_a_former_champion_that_knows_some_rows_is_not_the_best(rows):
    every = np.ones(len(rows), dtype=bool)
    some = every.copy()
    some[0] = False
    model = new_model(rows, held_after={0: every, 1: some}.get)
    knowing = champion("knowing", 2.0, lineage={"renewals": 1})
    past = store(champion("worse", 0.2), knowing, champion("fair", 1.0))
    assert compare_with_champions(model, past).best.run == "fair"


@pytest.mark.heavy
def test_rows_that_both_predicted_out_of_fold_are_added(rows):
    more = customers(300, seed=1)
    mine, theirs = (
        keep_out_of_fold(more, CONTRACT, sigmoid(slope * more["tenure"].to_numpy() - 0.5))
        for slope in (2.0, 1.0)
    )
    now, best = champion("now", 0.2), champion("best", 1.0)
    model = new_model(rows, out_of_fold=mine)
    found = compare_with_champions(model, store(now, best, theirs={"best": theirs}))
    assert (found.rival.out_of_fold, found.best.out_of_fold) == (0, 300)
    both = pd.concat([rows, more])
    expected = (loss_of(both, 2.0) - loss_of(both, 1.0)).mean()
    assert found.best.difference["value"] == pytest.approx(expected)
    without = compare_with_champions(new_model(rows), store(now, best, theirs={"best": theirs}))
    assert without.best.out_of_fold == 0


def test_the_latest_distinct_champions_are_read_the_oldest_first():
    many = [champion(f"run {n}", 1.0) for n in range(MOST_CHAMPIONS + 2)]
    past = store(many[0], many[1], *many, lost=["run 3"])
    read = [one.run for one in past.readable()]
    assert read == [f"run {n}" for n in reversed(range(MOST_CHAMPIONS)) if n != 3]


class TestHoldAgainst:
    """One champion, asked about customers that it may not be able to answer for."""

    def ask(self, rows, one, pairs=None, weights=None):
        chance = sigmoid(2 * rows["tenure"].to_numpy() - 0.5)
        return hold_against(one, CONTRACT, rows, chance, pairs, weights)

    @pytest.mark.parametrize("left", ["0", "1"])
    def test_all_alike_cannot_be_compared(self, rows, left):
        found = self.ask(rows.head(9).assign(left=left), champion("now", 1.0))
        assert found.difference is None
        assert found.problem == ("of the 9 customers whom both held out, none left or none stayed")

    def test_a_single_leaver_can(self, rows):
        few = rows.head(9).assign(left=["1", *"0" * 8])
        assert self.ask(few, champion("now", 1.0)).difference is not None

    def test_every_column_that_it_misses_is_named(self, rows):
        found = self.ask(rows.drop(columns="price"), champion("now", 1.0))
        assert found.difference is None
        assert "price" in found.problem

    def test_a_champion_that_held_nobody_out_is_not_asked(self, rows):
        found = self.ask(rows, champion("now", 1.0, evaluated_on="cross-validation"))
        assert found.problem == "it held nobody out, and was trained on them"

    @pytest.mark.parametrize("ours", [False, True])
    @pytest.mark.parametrize("theirs", [False, True])
    def test_rows_without_weights_stand_for_themselves(self, rows, ours, theirs):
        more = customers(300, seed=1)
        pairs = Pairs(
            labels(more, CONTRACT), sigmoid(2 * more["tenure"].to_numpy() - 0.5),
            sigmoid(more["tenure"].to_numpy() - 0.5), np.full(300, 3.0) if theirs else None,
        )  # fmt: skip
        given = np.linspace(1, 5, len(rows)) if ours else None
        found = self.ask(rows, champion("now", 1.0), pairs, given)
        both = pd.concat([rows, more])
        weights = np.concatenate(
            [given if ours else np.ones(len(rows)), np.full(300, 3.0 if theirs else 1.0)]
        )
        losses = loss_of(both, 2.0) - loss_of(both, 1.0)
        assert found.difference["value"] == pytest.approx(np.average(losses, weights=weights))

    def test_the_best_is_chosen_by_the_weights(self, rows):
        """The later champion is better only for the customers with the weight."""
        at = rows["tenure"].to_numpy() > 0
        slopes = np.where(at, 2.0, 0.2)
        left = np.random.default_rng(0).random(len(rows)) < sigmoid(slopes * rows["tenure"] - 0.5)
        table = rows.assign(left=left.astype(int).astype(str))
        first, second = champion("first", 0.2), champion("second", 2.0)
        weights = np.where(at, 20.0, 1.0)
        assert best_ever([first, second], CONTRACT, table, weights).run == "second"
        assert best_ever([first, second], CONTRACT, table, 20 / weights).run == "first"

    def test_a_gain_within_two_standard_errors_is_none(self):
        standard = np.array([-1.0, 1.0] * 50)  # its mean has a standard error of 0.1005
        assert surely_below(standard - 0.1975)
        assert not surely_below(standard - 0.1960)


def test_predictions_out_of_fold_are_kept_as_plain_values():
    table = customers(50)
    weights = np.arange(50, dtype=float)
    kept = keep_out_of_fold(table, CONTRACT, np.linspace(0, 1, 50), weights)
    assert sorted(kept) == ["keys", "labels", "probabilities", "weights"]
    pairs = pair_out_of_fold(kept, keep_out_of_fold(table.iloc[10:], CONTRACT, np.zeros(40)))
    order = np.argsort(pairs.weights)
    assert pairs.weights[order].tolist() == list(range(10, 50))
    assert pairs.ours[order] == pytest.approx(np.linspace(0, 1, 50)[10:])
    assert pairs.theirs.tolist() == [0.0] * 40
    assert pairs.target[order].tolist() == labels(table, CONTRACT)[10:].tolist()
    # Whole numbers of another width are the same probabilities.
    single = keep_out_of_fold(table, CONTRACT, np.ones(50, dtype=np.float32))
    assert pair_out_of_fold(single, kept).ours.tolist() == [1.0] * 50
    assert pair_out_of_fold(single, kept).weights is None
