"""Settings of a list."""

import pytest

from campaigns import settle
from churn.campaign.settings import Campaign, describe_costs
from churn.errors import ChurnError


def test_settings_out_of_range_are_all_named():
    with pytest.raises(ChurnError) as caught:
        settle(
            {"acceptance": "2"}, budget=0, control=0.9, as_of="tomorrow", output="calls.xlsx",
            campaign="",
        )  # fmt: skip
    named = {problem.split(" ")[0] for problem in caught.value.problems}
    assert named == {"--acceptance", "--budget", "--control", "--as-of", "--output", "--campaign"}


def test_costs_are_those_of_the_run_but_for_what_the_command_line_gives():
    run = {"contact_cost": 50.0, "offer_cost": 20.0, "acceptance": "rate", "customer_value": 9e3}
    given = {"contact_cost": "", "offer_cost": "30", "acceptance": "", "customer_value": "worth"}
    values = {
        "campaign": "spring", "budget": 1, "control": 0, "as_of": "2026-03-02", "max_rejected": 0,
        "shard_rows": 1, "output": "calls.csv",
    }  # fmt: skip
    _, costs = Campaign.check(run, given, **values)
    assert vars(costs) == {**run, "offer_cost": 30.0, "customer_value": "worth"}
    assert describe_costs(costs, given, "ChurnFlow/1") == (
        "Ranked by a contact cost 50.0, offer cost 30.0, acceptance rate, customer value worth: "
        "those of ChurnFlow/1, but for offer cost and customer value of the command line."
    )
    assert Campaign.check(run, {}, **values)[1].contact_cost == 50.0
