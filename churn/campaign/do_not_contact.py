"""The do-not-contact list: customers who are scored and never called."""

from collections.abc import Sequence

import pandas as pd

from churn.campaign.spreadsheet import restore_text
from churn.data.ids import id_text
from churn.data.parsing import parse_ids
from churn.data.readers import load_table
from churn.data.source import SourceOptions
from churn.errors import ChurnError
from churn.words import plural

__all__ = ["check_matches", "read_ids"]


def read_ids(path: str, key: str = "", options: SourceOptions | None = None) -> tuple[str, ...]:
    """Read a do-not-contact list.

    A list of one column has ids, with a header (the name of the key, or `id`) or without. A list
    of several columns needs a header, and one of its columns must be the key.

    Parameters
    ----------
    path : str
        A file, see `churn.data.readers.load_table`, local or `s3://`.
    key : str
        The name of the column with the customers' ids, in the table.
    options : SourceOptions, optional

    Returns
    -------
    tuple of str
        Sorted, each once; none where there is no path.

    Raises
    ------
    ChurnError
        If it cannot be read, or the column of the ids is ambiguous: no customer may be called by
        mistake.
    """
    if not path:
        return ()
    try:
        table = load_table(path, options=options or SourceOptions())
    except ChurnError as error:
        if error.problems == ["it has no rows"]:  # one line: a single id, or a header
            table = pd.DataFrame(columns=_header(path, options), dtype="str")
        elif error.problems and error.problems[0].startswith("Empty"):
            return ()
        else:
            raise ChurnError(
                f"Cannot use the do-not-contact list {path}:", error.problems or [error.summary]
            ) from error
    names = list(table.columns)
    column = key if key in names else names[0] if len(names) == 1 else None
    if column is None:
        problem = f"one id a line, or a column {key!r}, is expected; the columns are "
        raise ChurnError(
            f"Cannot use the do-not-contact list {path}:",
            [problem + ", ".join(map(repr, names[:20]))],
        )
    # A quote after a blank is not a quote for a reader of CSV, but is no part of an id either.
    texts = [id_text(text.strip('"')) for text in parse_ids(table[column]).to_pylist() if text]
    if column != key and column.casefold() not in ("id", "customer", "customer_id", "customerid"):
        texts.append(id_text(column))  # no header: the first line is an id as well
    ids = {text for text in texts if text is not None}
    # An id copied from a call list may be neutralised, so both readings are not called.
    return tuple(sorted(ids | set(map(restore_text, ids))))


def check_matches(ids: Sequence[str], found: int, customers: int, required: bool = True) -> str:
    """How many of the table's customers are on the list, in a sentence.

    Parameters
    ----------
    ids : sequence of str
        See `read_ids`.
    found : int
        How many rows of the table have one of them.
    customers : int
        How many rows the table has.
    required : bool
        Whether there must be one.

    Raises
    ------
    ChurnError
        If there is none: the list is probably one of other ids.
    """
    if not ids:
        return ""
    counts = (
        f"{found:,} of {plural(customers, 'customer')} {'is' if found == 1 else 'are'} on the "
        f"do-not-contact list of {plural(len(ids), 'id')}"
    )
    if not found and required:
        example = f"the list has ids like {ids[0]!r}"
        hint = "if that is right, say --do-not-contact-may-miss"
        raise ChurnError("No customer is on the do-not-contact list:", [counts, example, hint])
    return f"{counts}."


def _header(path: str, options: SourceOptions | None) -> list[str]:
    from churn.data.delimited import decompressed, sniff
    from churn.data.readers import locate

    filesystem, inside = locate(path)
    file, _ = decompressed(lambda: filesystem.open_input_file(inside))
    with file:
        return sniff(file.read(1 << 16), options or SourceOptions(), whole=True).names
