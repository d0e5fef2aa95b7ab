"""Settings of a list."""

import pytest

from campaigns import settle
from churn.campaign.settings import describe_costs, list_costs
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
    costs = list_costs(run, given)
    assert vars(costs) == {**run, "offer_cost": 30.0, "customer_value": "worth"}
    assert describe_costs(costs, given, "ChurnFlow/1") == (
        "Ranked by a contact cost 50.0, offer cost 30.0, acceptance rate, customer value worth: "
        "those of ChurnFlow/1, but for offer cost and customer value of the command line."
    )
    assert list_costs(run, {}).contact_cost == 50.0
