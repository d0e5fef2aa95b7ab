"""Reading `campaign.toml`: all that is wrong in it is named at once."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from churn.campaign.campaign_file import CampaignFile
from churn.errors import ChurnError

__all__ = ["load_campaign_file", "read_campaign_file"]

# What pydantic says in words of its own.
EXPECTED = {
    "string_too_short": "a text that is not empty",
    "too_short": "one action at least",
    "tuple_type": "a list",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "model_type": "a table, [[actions]]",
}


def read_campaign_file(path: str) -> CampaignFile | None:
    """Read a campaign, see `load_campaign_file`; None where there is no path."""
    return load_campaign_file(path) if path else None


def load_campaign_file(path: str) -> CampaignFile:
    """Read a campaign.

    Raises
    ------
    ChurnError
        Naming every key that cannot be used, and what is expected.
    """
    summary = f"The campaign {path} cannot be used:"
    try:
        values = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeError) as error:
        raise ChurnError(summary, [f"it cannot be read: {error}"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ChurnError(summary, [f"it is no TOML: {error}"]) from None
    problems: list[str] = []
    found = None
    try:
        found = CampaignFile(**values)
    except ValidationError as error:
        problems += [_problem(detail) for detail in error.errors() if not _follows(detail)]
    problems += _names_twice(values)
    if problems or found is None:
        raise ChurnError(summary, list(dict.fromkeys(problems)))
    if found.do_not_contact and "://" not in found.do_not_contact:
        place = str(Path(path).parent / found.do_not_contact)
        return found.model_copy(update={"do_not_contact": place})
    return found


def _follows(detail: Any) -> bool:
    """Whether another problem implies it: of a union, or of actions none of which can be used."""
    none_left = detail["loc"] == ("actions",) and bool(detail["input"])
    return detail["loc"][-1] == "float" or (none_left and detail["type"] == "too_short")


def _names_twice(values: dict[str, Any]) -> Iterator[str]:
    entries = values.get("actions")
    entries = entries if isinstance(entries, list) else []
    names = [one.get("name") for one in entries if isinstance(one, dict)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"actions: two are called {name!r}"


def _problem(detail: Any) -> str:
    where, (key, *rest) = "", detail["loc"]
    if key == "actions" and rest and isinstance(rest[0], int):
        where, key, rest = f"action {rest[0] + 1}, ", (rest[1] if rest[1:] else "it"), rest[2:]
    if detail["type"] == "extra_forbidden":
        return f"{where}{key}: there is no such key"
    if detail["type"] == "missing":
        return f"{where}{key}: it is missing"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if rest[-1:] == ["str"]:
        message = "a number, or the name of a column"
    elif detail["type"] in EXPECTED:
        message = EXPECTED[detail["type"]]
    return f"{where}{key} = {detail['input']!r}: expected {message}"
