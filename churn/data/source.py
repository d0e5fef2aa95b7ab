"""The format of a file, as far as the file itself leaves it ambiguous."""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from churn.errors import ChurnError

__all__ = ["SEPARATORS", "SourceOptions", "add_note", "notes"]

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
if TYPE_CHECKING:
    import pandas as pd

_NOTES = "notes"


class SourceOptions(BaseModel):
    """The format of a table's source; options that are not given are recognised, or an error.

    Attributes
    ----------
    separator : str
        The character between the cells of a text file, or `tab`.
    decimal : {"", ".", ","}
        The decimal mark of numbers.
    encoding : str
        The encoding of a text file, by Python's names: utf-8, cp1252, utf-16.
    sheet : str
        The sheet of a workbook.
    dates : {"", "day-first", "month-first"}
        Which of two numbers before a year is the day, where the dates are ambiguous.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    separator: str = Field("", max_length=3)
    decimal: Literal["", ".", ","] = ""
    encoding: str = ""
    sheet: str = ""
    dates: Literal["", "day-first", "month-first"] = ""

    @classmethod
    def check(cls, **values: str) -> "SourceOptions":
        """Build the options from the command line's.

        Raises
        ------
        ChurnError
            Naming every option that cannot be used.
        """
        problems = []
        separator = {"tab": "\t", "\\t": "\t"}.get(values.get("separator", ""))
        if separator:
            values["separator"] = separator
        if len(values.get("separator", "")) > 1:
            problems.append(f"--separator {values['separator']}: one character, or tab")
        try:
            "".encode(values.get("encoding") or "utf-8")
        except LookupError:
            problems.append(f"--encoding {values['encoding']}: no such encoding; utf-8, cp1252, …")
        try:
            options = cls(**values)
        except ValidationError as error:
            problems += [
                f"--{detail['loc'][0]} {detail['input']}: {detail['msg']}"
                for detail in error.errors()
            ]
        if problems:
            raise ChurnError("The source cannot be read so:", problems)
        return options

    def over(self, other: "SourceOptions") -> "SourceOptions":
        """These options, with the other's where one is not given."""
        given = {name: value for name, value in self.model_dump().items() if value}
        return other.model_copy(update=given)


def notes(frame: "pd.DataFrame") -> list[str]:
    """What a reader recognised or changed, one sentence each: for the console and the card."""
    return list(frame.attrs.get(_NOTES, ()))


def add_note(frame: "pd.DataFrame", *sentences: str) -> None:
    """Add sentences to the notes of a frame."""
    frame.attrs[_NOTES] = [*frame.attrs.get(_NOTES, ()), *sentences]
