"""What the README shows is what a user gets."""

import json
import re
from pathlib import Path

from churn.data import infer_contract, load_table
from churn.data.contract import Contract, parse_toml

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_customer_of_the_readme_is_scored(client):
    body = re.search(r"curl localhost:8000/predict .*?-d '(\{.*?\})'", README, re.S)[1]
    answer = client.post("/predict", json=json.loads(body))
    assert answer.status_code == 200, answer.json
    assert 0.5 < answer.json["probability"] < 1


def test_the_contract_of_the_readme_is_what_the_bank_table_gives(shared_data):
    shown = re.search(r"```toml\n(\[features\.CreditScore\].*?)```", README, re.S)[1]
    bank = load_table(shared_data / "Churn_Modelling.csv")
    contract = infer_contract(bank, "Exited", id="CustomerId", positive="1")
    assert {line for line in shown.splitlines() if line} <= set(contract.to_toml().splitlines())
    assert Contract.parse(parse_toml(contract.to_toml())) == contract
