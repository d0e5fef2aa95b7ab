"""Texts that a spreadsheet would run as formulas: neutralised in CSV, restored when read back.

A customer's id or a category is arbitrary text, and a spreadsheet program runs `=HYPERLINK(…)` in a
CSV file as a formula. Such a text gets an apostrophe in front, which marks it as text (OWASP, CSV
injection). A text that begins with apostrophes before such a character gets one more, so that
removing one always restores the text.
"""

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# A number with a sign is not a formula.
FORMULA = r"^'*(?:[=@\t\r]|[+-](?:.*[^0-9.]|$))"
_NEUTRALISED = re.compile("^'" + FORMULA.removeprefix("^"), re.DOTALL)


def neutralise(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before each text that would be a formula."""
    for place, field in enumerate(table.schema):
        if not pa.types.is_string(field.type):
            continue
        column = table[field.name]
        bad = pc.match_substring_regex(column, "(?s)" + FORMULA)
        if pc.any(bad).as_py():
            safe = pc.if_else(bad, pc.binary_join_element_wise("'", column, ""), column)
            table = table.set_column(place, field, safe)
    return table


def restore(column: pd.Series) -> pd.Series:
    """The texts as they were before `neutralise`; missing ones stay missing."""
    return column.map(restore_text, na_action="ignore")


def restore_text(text: str) -> str:
    """A text as it was before `neutralise`."""
    return text[1:] if _NEUTRALISED.match(text) else text
