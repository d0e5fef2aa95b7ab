"""Profits against the paper's, cuts against every cut, the EMP against two packages and a grid."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from churn.errors import ChurnError
from churn.evaluation import charts
from churn.evaluation.profit import (
    best_threshold,
    expected_profit,
    profit_curve,
    realised_profit,
    settle_threshold,
)
from churn.evaluation.profit_report import expected_maximum_profit, profit_report
from churn.evaluation.retention_costs import RetentionCosts


def campaign(n, seed=0):
    """Customers with true probabilities and different values."""
    rng = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-rng.normal(-1.2, 1.3, n)))
    target = (rng.random(n) < chance).astype(np.int8)
    frame = pd.DataFrame({"value": rng.uniform(30, 500, n), "gift": rng.uniform(0, 30, n)})
    return target, chance, frame


money = st.floats(0, 300)
offers = st.builds(RetentionCosts, st.floats(0, 20), st.floats(0, 40), st.floats(0, 1), money)
outcomes = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=1, max_size=60)


def arrays(rows):
    target, scores = np.array(rows).T
    return target, 0.05 + 0.1 * scores


def test_the_profit_of_a_call_is_the_papers():
    frame = pd.DataFrame(index=range(3))
    # 0.3 * (200 - 10) - 1 of one about to leave, -10 - 1 of one who stays, and half of each.
    expected = expected_profit(np.array([1, 0, 0.5]), frame, RetentionCosts())
    assert expected == pytest.approx([56, -11, 22.5])
    realised = realised_profit(np.array([1, 0, 1], dtype=np.int8), frame, RetentionCosts())
    assert realised == pytest.approx([56, -11, 56])


@settings(deadline=None)
@given(offers, st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_profits_mean_over_outcomes_and_pay_from_the_break_even_on(offer, chances):
    chances, frame = np.array(chances), pd.DataFrame(index=range(len(chances)))
    ones = np.ones(len(chances))
    left, stayed = (realised_profit(outcome, frame, offer) for outcome in (ones, 0 * ones))
    profits = expected_profit(chances, frame, offer)
    assert profits == pytest.approx(chances * left + (1 - chances) * stayed)
    even = offer.break_even(frame)
    assert (profits[chances >= even] >= -1e-9).all()
    assert (profits[chances < even] <= 1e-9).all()


@pytest.mark.slow
@settings(deadline=None)
@given(outcomes, st.randoms(use_true_random=False))
def test_no_threshold_pays_more_than_the_best(rows, random):
    _, chances = arrays(rows)
    frame = pd.DataFrame({"value": [random.uniform(0, 100) for _ in rows]})
    offer = RetentionCosts(customer_value="value")
    profits = expected_profit(chances, frame, offer)
    threshold = best_threshold(chances, frame, offer)
    every = [profits[chances >= cut].sum() for cut in (*np.unique(chances), np.inf)]
    assert profits[chances >= threshold].sum() == pytest.approx(max(every))


@pytest.mark.heavy
@settings(deadline=None)
@given(offers, outcomes)
def test_constants_and_columns_that_repeat_them_have_one_threshold(offer, rows):
    _, chances = arrays(rows)
    names = ["contact_cost", "offer_cost", "acceptance", "customer_value"]
    frame = pd.DataFrame({name: getattr(offer, name) for name in names}, index=range(len(rows)))
    columns = RetentionCosts(*names)
    threshold = best_threshold(chances, frame, offer)
    assert threshold == best_threshold(chances, frame, columns)
    profits = expected_profit(chances, frame, offer)
    assert profits.tolist() == expected_profit(chances, frame, columns).tolist()
    assert profits[chances >= threshold].sum() == pytest.approx(np.maximum(profits, 0).sum())


def test_thresholds_of_calls_that_always_and_never_pay():
    _, chance, frame = campaign(50)
    assert best_threshold(chance, frame, RetentionCosts()) == pytest.approx(11 / 67)
    assert best_threshold(chance, frame, RetentionCosts(contact_cost=0, offer_cost=0)) == 0
    assert best_threshold(chance, frame, RetentionCosts(contact_cost=60)) == np.inf
    assert best_threshold(chance, frame, RetentionCosts(acceptance=0)) == np.inf
    assert best_threshold(chance, frame, RetentionCosts(0, 0, 0, 0)) == np.inf
    assert (
        best_threshold(chance, frame, RetentionCosts(contact_cost=500, customer_value="value"))
        == np.inf
    )


def test_an_offer_is_read_from_a_command_line():
    offer = RetentionCosts.parse(contact_cost=" 2.5", acceptance="0.25", customer_value="value")
    assert offer == RetentionCosts(2.5, 10.0, 0.25, "value")
    offer.check(pd.DataFrame({"value": ["10", " 20.5 "]}))
    assert RetentionCosts.parse(customer_value="not looked at yet").customer_value


def test_an_offer_that_no_call_pays_is_refused():
    with pytest.raises(ChurnError, match="no call pays"):
        RetentionCosts.parse(contact_cost="60")
    _, _, frame = campaign(50)
    dear = RetentionCosts.parse(contact_cost="500", customer_value="value")
    with pytest.raises(ChurnError, match="no call pays"):
        dear.check_pays(frame)


def test_where_only_the_surest_would_pay_the_threshold_is_where_they_begin_to():
    frame = pd.DataFrame({"value": [50.0, 400.0, 60.0]})
    offer = RetentionCosts(customer_value="value")
    offer.check_pays(frame)
    assert settle_threshold(np.full(3, 0.01), frame, offer) == offer.break_even(frame).min()


def test_an_offer_is_told_everything_that_is_wrong_with_it_at_once():
    frame = pd.DataFrame({"value": [1.0, np.nan, -3.0], "rate": ["0.1", "0.5", "lots"]})
    with pytest.raises(ChurnError) as caught:
        RetentionCosts(-1.0, "gift", "rate", "value").check(frame)
    assert caught.value.problems == [
        "--contact-cost -1.0: not a number of 0 or more",
        "--offer-cost gift: neither a number of 0 or more nor a column of the table",
        "--acceptance rate: 1 cell is not a share from 0 to 1, the first in row 2: 'lots'",
        "--customer-value value: 2 cells are not a number of 0 or more, the first in row 1: empty",
    ]
    with pytest.raises(ChurnError, match=r"--acceptance 1\.5: not a share from 0 to 1"):
        RetentionCosts.parse(acceptance="1.5")
    for hopeless in (np.nan, np.inf, "1e999"):
        with pytest.raises(ChurnError, match="--customer-value"):
            RetentionCosts.parse(customer_value=hopeless)
    with pytest.raises(ChurnError, match="--offer-cost nowhere"):
        expected_profit(np.array([0.5] * 3), frame, RetentionCosts(offer_cost="nowhere"))


def test_a_curve_adds_up_the_calls_and_ends_where_random_calls_do():
    target, chance, frame = campaign(1000)
    profits = realised_profit(target, frame, RetentionCosts(customer_value="value"))
    curve = profit_curve(chance, profits)
    assert curve["called"].tolist() == pytest.approx(np.linspace(0, 1, 101))
    riskiest = np.argsort(-chance)[:200]
    assert curve["profit"][20] == pytest.approx(profits[riskiest].sum() / 1000)
    assert curve.iloc[0].tolist() == [0, 0, 0, 0, 0]
    assert curve["profit"][100] == pytest.approx(curve["random"][100])
    assert (curve["low"] <= curve["profit"]).all()
    assert (curve["profit"] <= curve["high"]).all()
    # Calling everybody is a plain mean, whose interval is known.
    half = 1.96 * profits.std() / np.sqrt(1000)
    assert curve["high"][100] - curve["low"][100] == pytest.approx(2 * half, rel=0.1)


def test_a_curve_does_not_know_the_order_of_ties():
    target, _, frame = campaign(300)
    profits = np.sort(realised_profit(target, frame, RetentionCosts()))
    curve = profit_curve(np.full(300, 0.3), profits, points=10)
    assert curve["profit"].tolist() == pytest.approx(curve["random"].tolist())
    assert len(profit_curve(np.arange(7), profits[:7])) == 8


# The docstring of `empc` in empulse 0.4.5 to 0.6.0 has these customers, value and fraction; 0.13.1
# returns the same.
EMPULSE = ([0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
# Ten customers of the tests of proflogit (E. Stripling, github.com/estripling/proflogit-python).
PROFLOGIT = (
    [1, 1, 0, 0, 0, 1, 1, 1, 1, 0],
    [
        *(0.6125478, 0.3642710, 0.4321361, 0.1402911, 0.3848959),
        *(0.2444155, 0.9706413, 0.8901728, 0.7817814, 0.8687518),
    ],
)


def test_the_emp_reproduces_published_values():
    assert emp(*EMPULSE) == pytest.approx((23.875593418348124, 0.8743700763487141), rel=1e-12)
    target, scores = PROFLOGIT
    assert emp(target, scores)[0] == pytest.approx(30.3003222629848, rel=1e-12)
    scores = [0.287577520124614, *scores[1:]]
    assert emp(target, scores)[0] == pytest.approx(30.3001182343737, rel=1e-12)
    scores = [*scores[:6], 0.113703411305323, *scores[7:]]
    assert emp(target, scores)[0] == pytest.approx(29.2002764792561, rel=1e-12)
    # Perfect, wrong, and tied.
    assert emp([0, 1], [0, 1])[0] == pytest.approx(28.0000000000391, rel=1e-12)
    assert emp([0, 1], [1, 0])[0] == pytest.approx(22.5007912244511, rel=1e-12)
    assert emp([1, 0], [0.5, 0.5])[0] == pytest.approx(22.5007912244511, rel=1e-12)


def emp(target, scores, *terms):
    return expected_maximum_profit(np.array(target), np.array(scores), *terms)


def by_a_grid(target, scores, alpha=6, beta=14, value=200, offer=10, contact=1):
    """The EMP's definition: an integral of the greatest profit of all cuts, nobody included."""
    cuts = [*np.unique(scores), np.inf]
    left = np.array([((scores >= cut) & (target == 1)).mean() for cut in cuts])
    stayed = np.array([((scores >= cut) & (target == 0)).mean() for cut in cuts])
    beta_density = stats.beta(alpha, beta).pdf

    def profits(acceptance):
        return (acceptance * (value - offer) - contact) * left - (offer + contact) * stayed

    def profit(acceptance):
        return profits(acceptance).max() * beta_density(acceptance)

    def called(acceptance):
        return (left + stayed)[profits(acceptance).argmax()] * beta_density(acceptance)

    # Where two cuts are worth the same, the integrands have kinks and jumps.
    grid = np.linspace(0, 1, 4001)
    best = np.array([profits(acceptance).argmax() for acceptance in grid])
    edges = grid[1:][np.diff(best) != 0]
    edges = np.unique(np.concatenate([[0, 1], edges, edges - grid[1]]))
    pieces = list(pairwise(edges))
    return tuple(
        sum(integrate.quad(f, *piece, epsabs=1e-10, limit=200)[0] for piece in pieces)
        for f in (profit, called)
    )


TERMS = [(), (2, 14, 50, 10, 1), (6, 5, 200, 100, 15), (10, 7, 300, 0, 25), (1, 1, 80, 20, 0)]


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("kind", ["good", "tied", "backwards"])
@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")  # jumps in `called`
def test_the_emp_is_its_own_definition(kind, terms):
    target, chance, _ = campaign(80, seed=len(kind))
    scores = {"good": chance, "tied": np.round(chance, 1), "backwards": -chance}[kind]
    value, fraction = by_a_grid(target, scores, *terms)
    ours = emp(target, scores, *terms)
    assert ours[0] == pytest.approx(value, abs=1e-6)
    assert ours[1] == pytest.approx(fraction, abs=1e-5)


@settings(deadline=None)
@given(outcomes, st.tuples(st.floats(0, 300), st.floats(0, 40), st.floats(0, 20)))
def test_the_emp_is_a_rankings_and_no_ranking_beats_the_truth(rows, terms):
    target, scores = arrays(rows)
    value, fraction = emp(target, scores, 6, 14, *terms)
    assert value >= 0
    assert 0 <= fraction <= 1 + 1e-12
    assert emp(target, np.exp(scores) - 7, 6, 14, *terms) == (value, fraction)
    assert value <= emp(target, target, 6, 14, *terms)[0] + 1e-9
    twice = emp(np.tile(target, 2), np.tile(scores, 2), 6, 14, *terms)
    assert twice == pytest.approx((value, fraction))


@settings(deadline=None)
@given(outcomes)
def test_the_emp_is_at_least_the_profit_of_any_one_threshold(rows):
    target, scores = arrays(rows)
    assume(0 < target.sum() < len(target))
    frame = pd.DataFrame(index=range(len(rows)))
    profits = realised_profit(target, frame, RetentionCosts())  # at 0.3, the mean of Beta(6, 14)
    best = max((profits * (scores >= cut)).mean() for cut in (*np.unique(scores), np.inf))
    assert emp(target, scores)[0] >= best - 1e-9


def test_a_call_that_cannot_pay_has_no_emp():
    target, chance, _ = campaign(100)
    assert emp(target, chance, 6, 14, 10, 10, 1) == (0, 0)
    assert emp(target, chance, 6, 14, 5, 10, 0) == (0, 0)
    assert emp(0 * target, chance) == (0, 0)


@pytest.mark.heavy
@pytest.mark.parametrize("value", [200, "value"])
def test_true_probabilities_keep_what_they_promise(value):
    target, chance, frame = campaign(20_000)
    offer = RetentionCosts(customer_value=value)
    found = profit_report(target, chance, frame, offer, best_threshold(chance, frame, offer))
    assert found.profit["low"] < found.expected < found.profit["high"]
    assert found.called == np.mean(chance >= found.threshold)
    assert found.advantage["low"] > 0
    gap = found.profit["value"] - found.everybody["value"]
    assert found.advantage["value"] == pytest.approx(gap)
    at = round(100 * found.called)
    assert found.curve["profit"][at] == pytest.approx(found.profit["value"], rel=0.02)
    assert found.curve["profit"].max() < 1.02 * found.profit["value"]
    assert (found.emp, found.emp_fraction) == emp(target, chance)


def test_nobody_is_called_where_it_does_not_pay():
    target, chance, frame = campaign(200)
    found = profit_report(target, chance, frame, RetentionCosts(contact_cost=100), np.inf)
    assert (found.threshold, found.called, found.expected) == (np.inf, 0, 0)
    assert found.profit == {"value": 0, "low": 0, "high": 0} == found.advantage
    assert found.everybody["high"] < 0


def test_the_chart_has_the_curve_its_interval_random_calls_and_the_cut():
    target, chance, frame = campaign(500)
    found = profit_report(target, chance, frame, RetentionCosts(), 11 / 67)
    spec = json.loads(json.dumps(charts.profit(found.curve, found.called)))
    assert len(spec["data"]["values"]) == 101
    fields = {part["field"] for layer in spec["layer"] for part in layer["encoding"].values()
              if isinstance(part, dict)}  # fmt: skip
    assert {"called", "profit", "low", "high", "random"} <= fields
    assert [{"cut": found.called}] in [
        layer.get("data", {}).get("values") for layer in spec["layer"]
    ]
