"""A campaign's file: what it says, everything that is wrong in it, and what wins over it."""

import re
from datetime import UTC, datetime

import pytest

from campaigns import CONTRACT, DAY, TWO_ACTIONS
from churn.__main__ import main
from churn.campaign.campaign_reading import read_campaign_file
from churn.campaign.terms import settle_terms
from churn.errors import ChurnError
from running import ROOT

RUN_COSTS = {"contact_cost": 1.0, "offer_cost": 10.0, "acceptance": 0.3, "customer_value": 200.0}
GIVEN = {
    "as_of": DAY, "max_rejected": 0.05, "shard_rows": 1, "output": "calls.csv", "campaign": "",
    "budget": "", "control": "", "explore": "", "cooldown": "", "currency": "",
    "do_not_contact": "",
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def made(text: str) -> str:
        path = tmp_path / "campaign.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return made


def test_the_file_of_the_docs_is_one(write):
    page = (ROOT / "docs" / "targeting.md").read_text("utf-8")
    file = read_campaign_file(write(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1]))
    assert [one.name for one in file.actions] == ["discount", "film pass"]
    file.check_contract(CONTRACT)


def test_everything_that_is_wrong_is_named_at_once(write):
    path = write(
        'campaign = ""\nbudgt = 3\ncontrol_share = 0.9\nsuppress = ["a and b"]\n'
        '[[actions]]\nname = "call"\ncontact_cost = -1\nacceptance = 2\ncapacity = 0\n'
        '[[actions]]\ncontact_cost = [1]\n'
    )  # fmt: skip
    with pytest.raises(ChurnError) as error:
        read_campaign_file(path)
    told = "\n".join(error.value.problems)
    for words in (
        "campaign = '': expected a text that is not empty", "budgt: there is no such key",
        "control_share = 0.9: expected", "suppress = ['a and b']: expected rules",
        "action 1, name = 'call': expected another name",
        "action 1, contact_cost = -1: expected a number of 0 or more",
        "action 1, acceptance = 2: expected a share", "action 1, capacity = 0: expected",
        "action 2, name: it is missing",
        "action 2, contact_cost = [1]: expected a number, or the name of a column",
    ):  # fmt: skip
        assert words in told
    assert len(error.value.problems) == 10


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("campaign = ", "no TOML"),
        ('campaign = "spring"', "actions: it is missing"),
        ('campaign = "spring"\nactions = []', "expected one action at least"),
        ('campaign = "a"\n[[actions]]\nname = "x"\n[[actions]]\nname = "x"', "two are called 'x'"),
        ('campaign = "a"\n[[actions]]\nname = "x"\neligible = ["3"]', "it names no column"),
    ],
)
def test_a_file_that_is_no_campaign_is_refused(write, text, problem):
    with pytest.raises(ChurnError) as error:
        read_campaign_file(write(text))
    assert problem in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ChurnError, match="cannot be used"):
        read_campaign_file(str(tmp_path / "none.toml"))


def test_a_rule_is_held_against_the_table_of_the_model(write):
    text = TWO_ACTIONS.replace("Month-to-month", "Monthly")
    with pytest.raises(ChurnError, match="contract has no category 'Monthly'"):
        read_campaign_file(write(text)).check_contract(CONTRACT)
    read_campaign_file(write(TWO_ACTIONS)).check_contract(CONTRACT)


def test_the_command_line_wins_over_the_file_and_the_file_over_the_run(write):
    file = read_campaign_file(write(TWO_ACTIONS))
    terms = settle_terms(GIVEN, {}, file)
    assert (terms.campaign.campaign, terms.campaign.budget) == ("spring", 160)
    assert (terms.campaign.explore, terms.campaign.control, terms.currency) == (40, 0.2, "EUR")
    discount, mail = terms.actions(RUN_COSTS)
    assert (discount.costs.acceptance, discount.costs.customer_value) == (0.4, 300.0)
    assert mail.words == "a month of streaming, by e-mail"
    over = settle_terms(
        GIVEN | {"budget": "80", "explore": "5", "campaign": "summer", "currency": "USD"},
        {"customer_value": "worth", "acceptance": ""}, file,
    )  # fmt: skip
    assert (over.campaign.budget, over.campaign.explore) == (80, 5)
    assert (over.campaign.campaign, over.currency) == ("summer", "USD")
    assert {one.costs.customer_value for one in over.actions(RUN_COSTS)} == {"worth"}
    assert settle_terms(GIVEN | {"budget": "80"}, {}, file).campaign.explore == 20


def test_without_a_file_there_is_one_action_with_the_costs_of_the_run():
    terms = settle_terms(GIVEN, {"offer_cost": "12"}, None)
    (action,) = terms.actions(RUN_COSTS)
    assert vars(action.costs) == {**RUN_COSTS, "offer_cost": 12.0}
    assert (terms.campaign.budget, terms.campaign.campaign) == (500, "retention")
    today = settle_terms(GIVEN | {"as_of": ""}, {}, None).campaign.as_of
    assert today == datetime.now(UTC).date()


def test_a_cost_of_the_command_line_needs_one_action(write):
    file = read_campaign_file(write(TWO_ACTIONS))
    with pytest.raises(ChurnError) as error:
        settle_terms(GIVEN, {"acceptance": "0.2", "contact_cost": "1"}, file, planned=True)
    assert [one.split(":")[0] for one in error.value.problems] == [
        "--contact-cost", "--acceptance", "--planned",
    ]  # fmt: skip
    one = read_campaign_file(write('campaign = "a"\n[[actions]]\nname = "mail"\n'))
    (action,) = settle_terms(GIVEN, {"acceptance": "0.2"}, one).actions(RUN_COSTS)
    assert action.costs.acceptance == 0.2


def test_the_list_not_to_be_called_is_beside_the_file(write, tmp_path):
    text = 'campaign = "a"\ndo_not_contact = "no.txt"\n[[actions]]\nname = "mail"\n'
    assert read_campaign_file(write(text)).do_not_contact == str(tmp_path / "no.txt")


def test_the_command_shows_what_is_read(write, tmp_path, capsys):
    (tmp_path / "no.txt").write_text("id\n7\n8\n")
    path = write('do_not_contact = "no.txt"\n' + TWO_ACTIONS)
    assert main(["campaign", "check", path]) == 0
    told = capsys.readouterr().out
    assert "In the control group, of those worth an action: 20.0%" in told
    assert "Action 'discount': 20 % off for a year, by phone" in told
    assert "customers of a day: at most 60" in told
    assert "Customers of a day who get an action: at most 160" in told
    assert "2 ids" in told
    assert main(["campaign", "check", write("campaign = 3")]) == 1
    assert "actions: it is missing" in capsys.readouterr().err
