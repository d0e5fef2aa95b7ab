"""The interfaces of Pydantic's core that the project uses beyond Pydantic's own, in one place.

`requirements.txt` bounds the version; `tests/scoring/test_pydantic_compat.py` names each interface
and fails where an upgrade changes one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import GenericAlias
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, TypeAdapter
from pydantic_core import core_schema

__all__ = ["Either", "annotated", "core_schema", "json_validator", "list_of", "python_validator"]


def annotated(kind: Any, *metadata: object) -> Any:
    """`Annotated` of a type that is made at run time, which no checker of types can follow."""
    form: Any = Annotated
    return form[(kind, *metadata)]


def list_of(kind: Any) -> Any:
    """`list` of a type that is made at run time."""
    return GenericAlias(list, (kind,))


def json_validator(adapter: TypeAdapter[Any]) -> Callable[[bytes], Any]:
    """`TypeAdapter.validate_json` without its overhead around the core.

    The overhead is a third of the time of a record.
    """
    return adapter.validator.validate_json


def python_validator(adapter: TypeAdapter[Any]) -> Callable[[Any], Any]:
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
    other: Callable[[Any], object]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.union_schema(
            [self.usual, core_schema.no_info_plain_validator_function(self.other)],
            mode="left_to_right",
            custom_error_type="refused",
            custom_error_message="neither",
        )
