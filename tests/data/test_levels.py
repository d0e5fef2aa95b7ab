"""Levels of features: in words, and assigned to other columns than they are learned from."""

import numpy as np
import pandas as pd
import pytest

from churn.data.contract import Contract
from churn.data.levels import NEW, FeatureLevels
from churn.data.parsing import parse_features
from churn.statistics.bins import MISSING

CONTRACT = Contract.parse(
    {
        "target": "left", "positive": "yes", "negative": ["no"],
        "features": {
            "spend": {"kind": "number", "nullable": True, "unit": "€"},
            "plan": {"kind": "category", "categories": ["gold", "basic"], "nullable": True},
            "member": {"kind": "flag", "nullable": True},
        },
    }
)  # fmt: skip


def typed(**columns):
    absent = {name: None for name in CONTRACT.features if name not in columns}
    return parse_features(pd.DataFrame(columns | absent), CONTRACT)


def levels(name, values):
    return FeatureLevels(CONTRACT.features[name], typed(**{name: values})[name])


def test_quarters_of_a_number_are_spans_of_its_values():
    found = levels("spend", [1, 2, 3, 4, 5, 6, 7, 8, None])
    assert [text.removesuffix(" €") for text in found.texts] == [
        "1 to 2",
        "3 to 4",
        "5 to 6",
        "7 to 8",
    ]
    other = typed(spend=[-5, 2, 2.5, 99, None])["spend"]
    assert found.assign(other).tolist() == [0, 0, 1, 3, MISSING]


@pytest.mark.parametrize(
    ("values", "texts"),
    [([3, 3, 3], ["3"]), ([0, 0, 0, 0, 7], ["0", "7"]), ([None, None], ["any value"])],
)
def test_few_values_make_few_levels_and_every_row_is_in_one(values, texts):
    found = levels("spend", values)
    assert [text.removesuffix(" €") for text in found.texts] == texts
    codes = found.assign(typed(spend=values)["spend"])
    assert set(codes.tolist()) <= {MISSING, *range(len(texts))}


def test_a_category_outside_the_contract_is_new():
    found = levels("plan", ["gold", "basic"])
    other = typed(plan=["basic", "platinum", None, "gold"])["plan"]
    assert found.texts == ["gold", "basic"]
    assert found.assign(other).tolist() == [1, NEW, MISSING, 0]


def test_a_flag_has_two_levels():
    found = levels("member", [True, True])
    assert len(found.texts) == 2
    assert found.assign(typed(member=[0, 1, None])["member"]).tolist() == [0, 1, MISSING]
    assert np.issubdtype(found.assign(typed(member=[0, 1])["member"]).dtype, np.integer)
