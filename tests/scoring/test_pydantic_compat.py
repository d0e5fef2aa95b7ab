"""The interfaces of Pydantic's core that `churn.scoring.pydantic_compat` uses."""

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema

from churn.scoring.pydantic_compat import Either, json_validator, python_validator


@pytest.mark.parametrize(
    ("name", "make", "body", "value"),
    [
        ("TypeAdapter.validator.validate_json", json_validator, b"3", 3),
        ("TypeAdapter.validator.validate_python", python_validator, 3, 3),
    ],
)
def test_the_cores_validator_is_reached(name, make, body, value):
    try:
        assert make(TypeAdapter(int))(body) == value
    except (AttributeError, TypeError) as error:
        pytest.fail(f"Pydantic no longer has {name}: {error}")


@pytest.mark.parametrize(
    "name",
    ["union_schema", "no_info_plain_validator_function", "literal_schema", "nullable_schema",
     "str_schema"],
)  # fmt: skip
def test_the_cores_schemas_are_there(name):
    assert hasattr(core_schema, name), f"pydantic_core.core_schema no longer has {name}"


def test_either_takes_the_usual_or_asks_the_function():
    def other(value) -> str:
        if value == "three":
            return "3"
        raise ValueError("not three")

    usual: CoreSchema = core_schema.literal_schema([1, 2])
    adapter = TypeAdapter(Annotated[int, Either(usual, other)])
    assert [adapter.validate_python(value) for value in (1, "three")] == [1, "3"]
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python("four")
    message = "Pydantic no longer honours custom_error_type of core_schema.union_schema"
    assert [one["type"] for one in caught.value.errors()] == ["refused"], message
