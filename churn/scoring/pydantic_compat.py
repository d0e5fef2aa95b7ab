"""The interfaces of Pydantic's core that the project uses beyond Pydantic's own, in one place.

`requirements.txt` bounds the version; `tests/scoring/test_pydantic_compat.py` names each interface
and fails where an upgrade changes one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import core_schema

__all__ = ["Either", "core_schema", "json_validator", "python_validator"]


def json_validator(adapter: TypeAdapter) -> Callable[[bytes], Any]:
    """`TypeAdapter.validate_json` without its overhead around the core.

    The overhead is a third of the time of a record.
    """
    return adapter.validator.validate_json


def python_validator(adapter: TypeAdapter) -> Callable[[Any], Any]:
    """`TypeAdapter.validate_python` without its overhead around the core."""
    return adapter.validator.validate_python


@dataclass(frozen=True, eq=False)
class Either:
    """An annotation: a fast schema of the usual values, else a function.

    Parameters
    ----------
    usual : CoreSchema
        Decides in the core, without a call to Python.
    other : callable
        Takes any other value, or raises ValueError.
    """

    usual: core_schema.CoreSchema
    other: Callable

    def __get_pydantic_core_schema__(self, source, handler):
        return core_schema.union_schema(
            [self.usual, core_schema.no_info_plain_validator_function(self.other)],
            mode="left_to_right",
            custom_error_type="refused",
            custom_error_message="neither",
        )
