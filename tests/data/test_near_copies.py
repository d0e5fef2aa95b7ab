"""Near copies: a table that repeats customers is told from one whose customers are alike."""

import numpy as np
import pandas as pd
import pytest

from churn.data.holdout import holdout_mask, split_customers
from churn.data.inference import infer_contract
from churn.data.near_copies import find_near_copies
from churn.data.validation import validate_data
from churn.modeling.sample import draw_search_sample

COLUMNS = 16


def customers(n, rng):
    """Honest customers: numbers, categories that depend on each other, and a label."""
    plan = rng.integers(0, 4, n)
    columns = {"plan": plan, "speed": np.where(rng.random(n) < 0.9, plan, rng.integers(0, 4, n))}
    columns |= {f"flag{i}": rng.integers(0, 2, n) for i in range(4)}
    columns |= {f"count{i}": rng.poisson(20, n) for i in range(6)}
    columns |= {"fee": np.round(rng.gamma(2, 20, n), 1), "age": rng.integers(18, 80, n)}
    columns |= {"tenure": rng.integers(0, 72, n), "distance": rng.integers(5, 40, n)}
    left = rng.random(n) < 0.1 + 0.15 * plan
    return pd.DataFrame(columns).assign(left=np.where(left, "yes", "no"))


def multiplied(n, rng, times=4):
    """The same customers several times, three columns of each copy drawn anew."""
    once = customers(n, rng)
    table = pd.concat([once] * times, ignore_index=True)
    changed = rng.random((len(table), COLUMNS)).argsort(axis=1).argsort(axis=1) < 3
    changed[:n] = False
    for place, name in enumerate(once.columns[:COLUMNS]):
        others = once[name].to_numpy()[rng.integers(0, n, len(table))]
        table[name] = np.where(changed[:, place], others, table[name])
    return table.assign(family=np.tile(np.arange(n), times)).sample(frac=1, random_state=0)


def clean(table):
    table = table.reset_index(drop=True)
    table = table.assign(id=[f"K{row}" for row in range(len(table))])
    contract = infer_contract(table.drop(columns="family", errors="ignore"), "left", id="id")
    return validate_data(table, contract).frame, contract


@pytest.fixture(scope="module")
def repeated():
    table = multiplied(700, np.random.default_rng(0)).reset_index(drop=True)
    frame, contract = clean(table)
    return frame, contract, table["family"].to_numpy(), find_near_copies(frame, contract)


def test_customers_who_are_alike_by_chance_are_no_copies(telco_clean, telco_contract):
    assert find_near_copies(telco_clean, telco_contract) is None
    assert find_near_copies(*clean(customers(3_000, np.random.default_rng(1)))) is None


def test_few_discrete_columns_make_no_copies():
    table = customers(3_000, np.random.default_rng(2))[
        ["plan", "speed", "flag0", "flag1", "flag2", "flag3", "left"]
    ]
    assert find_near_copies(*clean(table)) is None


def test_a_multiplied_table_is_told_with_its_share_and_its_labels(repeated):
    *_, near = repeated
    assert near.share > 0.9
    assert near.by_chance < 0.05
    assert near.agree > 0.95
    assert f"{near.share:.1%} of the rows differ from another row in at most 4 of 16" in str(near)


def test_groups_are_the_families(repeated):
    _, _, family, near = repeated
    table = pd.DataFrame({"family": family, "group": near.groups})
    assert table.groupby("family")["group"].nunique().mean() < 1.3
    assert table.groupby("group")["family"].nunique().mean() < 1.1


def test_a_group_is_on_one_side_and_in_one_fold(repeated):
    frame, contract, _, near = repeated
    held = holdout_mask(frame, contract, 0.2, near)
    assert held.mean() == pytest.approx(0.2, abs=0.05)
    assert not set(near.groups[held]) & set(near.groups[~held])
    assert (split_customers(frame, contract, held) != "copy").all()
    sample = draw_search_sample(frame[~held], contract, 5, 10_000, 0, near.groups[~held])
    folds = pd.Series(sample.fold).groupby(near.groups[~held]).nunique()
    assert (folds == 1).all()


@pytest.mark.slow
def test_a_split_by_rows_flatters_and_one_by_groups_does_not(repeated):
    frame, contract, _, near = repeated
    fresh, _ = clean(customers(3_000, np.random.default_rng(9)))
    fresh = fresh.astype({name: frame[name].dtype for name in contract.features})
    losses = []
    for groups in (None, near):
        held = holdout_mask(frame, contract, 0.2, groups)
        losses.append(
            [loss_of_boosting(frame[~held], test, contract) for test in (frame[held], fresh)]
        )
    (by_rows, new), (by_groups, new_too) = losses
    assert by_rows < new - 0.1
    assert abs(by_groups - new_too) < 0.1


def loss_of_boosting(train, test, contract):
    from churn.data.parsing import labels
    from churn.modeling.model import ChurnModel
    from churn.modeling.search_space import Candidate
    from churn.statistics.log_odds import row_losses

    candidate = Candidate("boosting", "boosting", {"max_iter": 60, "max_leaf_nodes": 31})
    chance = ChurnModel(contract, candidate).fit(train).predict_proba(test)[:, 1]
    return row_losses(labels(test, contract), chance).mean()
