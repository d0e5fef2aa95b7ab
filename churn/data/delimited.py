"""Text tables: the format is recognised, and a table is read whole or refused.

Every column is read as text, whatever its header is, so that an id keeps its leading zeros and
nothing is lost before the table is validated against the contract.
"""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from churn.data.source import SEPARATORS, SourceOptions, add_note
from churn.errors import ChurnError
from churn.words import plural

__all__ = [
    "Layout",
    "cause",
    "column_names",
    "decompressed",
    "read_delimited",
    "sniff",
    "stream_delimited",
]

HEAD_BYTES = 1 << 18
HEAD_ROWS = 100
MAX_TITLE_LINES = 10
# A line break in a cell comes from a stray quote if whole rows of so many columns follow it.
MIN_COLUMNS_OF_A_ROW = 4
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz"}
_WIDTHS = re.compile(r"Expected (\d+) columns, got (\d+)")
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Layout:
    """The format of a text table.

    Attributes
    ----------
    encoding, separator : str
    names : list of str
        The columns.
    skip : int
        The number of lines above the first row.
    escape : str or False
        The character before a quote that belongs to its cell, where quotes are not doubled.
    notes : tuple of str
        Every recognised property that is not the default.
    """

    encoding: str
    separator: str
    names: list[str]
    skip: int
    escape: str | bool = False
    notes: tuple[str, ...] = ()


def decompressed(open_raw: Callable[[], BinaryIO]) -> tuple[BinaryIO, str]:
    """A file's decompressed bytes; the compression is recognised by the first bytes, not the name.

    Parameters
    ----------
    open_raw : callable
        Opens the file as a binary file object that can seek.

    Returns
    -------
    file, str
        The name of the compression; empty where there is none.

    Raises
    ------
    ChurnError
        If a zip holds more than one file.
    """
    raw = open_raw()
    magic = raw.read(6)
    raw.seek(0)
    kind = next((kind for start, kind in _MAGIC.items() if magic.startswith(start)), "")
    if kind == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw)), kind
    if kind == "bz2":
        return cast("BinaryIO", bz2.BZ2File(raw)), kind
    if kind == "xz":
        return cast("BinaryIO", lzma.LZMAFile(raw)), kind
    if kind == "zstd":
        return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"), kind
    if magic.startswith(b"PK\x03\x04"):
        archive = zipfile.ZipFile(raw)
        files = [name for name in archive.namelist() if not name.endswith("/")]
        files = [name for name in files if not name.startswith("__MACOSX")]
        if len(files) != 1:
            raise ChurnError("The archive holds more than one file:", files[:20])
        return cast("BinaryIO", archive.open(files[0])), "zip"
    return raw, ""


def sniff(head: bytes, options: SourceOptions, whole: bool) -> Layout:
    """Recognise the format of a table from its beginning.

    Parameters
    ----------
    head : bytes
    options : SourceOptions
        The options that the user gives; these are not guessed.
    whole : bool
        Whether this is the whole file.

    Raises
    ------
    ChurnError
        If its encoding is not known, or it is empty.
    """
    encoding, notes = _encoding(head, options)
    text = codecs.getincrementaldecoder(encoding)().decode(head, whole)
    if not whole:  # the last line may be incomplete
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    lines = io.StringIO(text, newline="")
    skip, separator = 0, options.separator
    for line in text.splitlines(keepends=True):
        if line.strip("\r\n\t ;,|\ufeff"):
            if line.lower().startswith("sep=") and len(line.strip("\r\n")) == 5:
                skip += 1
                separator = separator or line[4]
                notes.append(f"the first line says that {_name(line[4])} separates cells")
            break
        skip += 1
    if skip and not notes:
        lines_above = plural(
            skip, "empty line above the header is", "empty lines above the header are"
        )
        notes.append(f"{lines_above} skipped")
    for _ in range(skip):
        lines.readline()
    body = lines.read()
    if not body.strip():
        raise ChurnError("Empty CSV file", [])
    separator = separator or _separator(body)
    if separator != ",":
        notes.append(f"cells are separated by {_name(separator)}")
    escape = _escape(body, separator)
    if escape:
        notes.append("quotes within cells have a backslash before them")
    rows, ends = _rows(body, separator, escape)
    title = _title_lines(rows)
    if title:
        above = plural(title, "line above the header is", "lines above the header are")
        notes.append(f"{above} skipped: {' '.join(rows[0])[:60]!r}")
    names, changed = column_names(rows[title])
    return Layout(encoding, separator, names, skip + ends[title], escape, (*notes, *changed))


def column_names(header: list[str]) -> tuple[list[str], list[str]]:
    """The names of columns, trimmed, and numbered where there is none; and notes on changes."""
    names, notes = [], []
    for place, name in enumerate(header, start=1):
        trimmed = str(name).strip().removeprefix("\ufeff").strip()
        if not trimmed:
            trimmed = f"column_{place}"
            while trimmed in header:
                trimmed = f"_{trimmed}"
            notes.append(f"column {place} has no name: it is called {trimmed}")
        names.append(trimmed)
    blank = sum(name != str(old) for name, old in zip(names, header, strict=True))
    if blank > len(notes):
        notes.append(
            f"blanks around the names of {plural(blank - len(notes), 'column')} are taken away"
        )
    return names, notes


def read_delimited(
    file: BinaryIO, again: Callable[[], BinaryIO], options: SourceOptions
) -> pd.DataFrame:
    """Read a text table, every column as text.

    Parameters
    ----------
    file, again, options
        See `stream_delimited`.

    Returns
    -------
    DataFrame of str
        With notes, see `churn.data.source.notes`.

    Raises
    ------
    ChurnError
        If it cannot be read whole: a row has too many or too few cells, or a quote is not closed.
    """
    layout, batches = stream_delimited(file, again, options)
    frame: pd.DataFrame = pa.Table.from_batches(batches, _schema(layout)).to_pandas()
    frame.attrs["separator"] = layout.separator
    add_note(frame, *layout.notes)
    return frame


def stream_delimited(
    file: BinaryIO, again: Callable[[], BinaryIO], options: SourceOptions
) -> tuple[Layout, Iterator[pa.RecordBatch]]:
    """Read a text table some rows at a time, every column as text.

    Parameters
    ----------
    file : binary file
        Decompressed.
    again : callable
        Opens it once more.
    options : SourceOptions

    Raises
    ------
    ChurnError
        As soon as a row is read that has too many or too few cells, or a quote that is not closed.
    """
    head = file.read(HEAD_BYTES)
    layout = sniff(head, options, whole=len(head) < HEAD_BYTES)
    twice = sorted({name for name in layout.names if layout.names.count(name) > 1})
    if twice:
        raise ChurnError("", [f"{name}: two columns have this name" for name in twice])
    return layout, _batches(again, layout)


def _batches(again: Callable[[], BinaryIO], layout: Layout) -> Iterator[pa.RecordBatch]:
    with again() as stream:
        reader = pyarrow.csv.open_csv(
            stream,
            # With one thread, errors name the row.
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                skip_rows=layout.skip,
                column_names=layout.names,
                encoding=layout.encoding.removesuffix("-sig"),
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=layout.separator,
                newlines_in_values=True,
                escape_char=layout.escape,
                double_quote=not layout.escape,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(layout.names, pa.string()),
                null_values=[""],  # whether "NA" is missing depends on the column
                strings_can_be_null=True,
            ),
        )
        first, batch = 0, next(reader, None)
        while batch is not None:
            following = next(reader, None)
            problems = _swallowed_rows(batch, layout, first, following is None)
            if problems:
                raise ChurnError("", problems)
            yield batch
            first, batch = first + len(batch), following


def _schema(layout: Layout) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in layout.names])


def _encoding(head: bytes, options: SourceOptions) -> tuple[str, list[str]]:
    if options.encoding:
        return options.encoding, []
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            known = encoding == "utf-8-sig"
            return encoding, [] if known else [f"the file is written in {encoding.upper()}"]
    start = head[:1000]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) > len(start) / 4:
        order = "be" if even > odd else "le"
        hint = f"it is probably UTF-16 without its mark: say --encoding utf-16-{order}"
        raise ChurnError("", [hint])
    if b"\0" in head:
        line = head[: head.index(0)].count(b"\n") + 1
        raise ChurnError("", [f"line {line} has a NUL byte: it is no text, or is damaged"])
    return "utf-8", []


def cause(message: str) -> list[str]:
    """The likely cause of a row with another number of cells than the header has."""
    found = _WIDTHS.search(message)
    if not found:
        return []
    expected, got = int(found[1]), int(found[2])
    if got == expected + 1 and message.rstrip().endswith(tuple(SEPARATORS)):
        return ["rows end with a separator and the header does not: name the last column"]
    if got < expected:
        return ["a quote that is not closed, a line break in a cell, or cells are missing"]
    return ["a separator within a cell that has no quotes, or a decimal comma; see --separator"]


def not_utf8(error: UnicodeDecodeError | str) -> str:
    """The probable encoding of a file that is not UTF-8, and the option that reads it."""
    return f"{error}; it is probably Windows-1252: say --encoding cp1252 (or what it is)"


def _rows(
    body: str, separator: str, escape: str | bool = False
) -> tuple[list[list[str]], list[int]]:
    """The first rows, and the number of the line at which each ends."""
    rows, ends = [], []
    reader = csv.reader(
        io.StringIO(body, newline=""), delimiter=separator,
        escapechar="\\" if escape else None, doublequote=not escape,
    )  # fmt: skip
    try:
        for row in islice(reader, HEAD_ROWS):
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:  # a quote that is not closed: the reader of the whole file names its row
        pass
    return rows or [[]], ends or [1]


def _escape(body: str, separator: str) -> str | bool:
    """A backslash, if the rows have equally many cells only with it as the escape of quotes."""
    if '\\"' not in body:
        return False
    usual, escaped = (
        {len(row) for row in _rows(body, separator, escape)[0]} for escape in (False, "\\")
    )
    return "\\" if len(escaped) == 1 < len(usual) else False


def _separator(body: str) -> str:
    """The separator with which most of the first rows have as many cells as the header."""
    best, found = (0.0, 0), ","
    for separator in SEPARATORS:
        widths = [len(row) for row in _rows(body, separator)[0] if row]
        if not widths:
            continue
        common = max(set(widths), key=widths.count)
        score = (widths.count(common) / len(widths) if common > 1 else 0.0, common)
        if score > best:
            best, found = score, separator
    return found


def _title_lines(rows: list[list[str]]) -> int:
    """How many lines above the header are a title: one filled cell, where rows have several."""
    widths = [len(row) for row in rows]
    common = max(set(widths), key=widths.count)
    for place, row in enumerate(rows[: MAX_TITLE_LINES + 1]):
        if len(row) == common or common == 1:
            return place if common > 1 and widths[place:].count(common) > 1 else 0
        if sum(bool(cell.strip()) for cell in row) > 1:
            return 0
    return 0


def _swallowed_rows(table: pa.RecordBatch, layout: Layout, first: int, last: bool) -> list[str]:
    """Cells that contain whole rows, as after a quote that is not closed.

    Parameters
    ----------
    first : int
        The position of the first row in the whole table.
    last : bool
        Whether these are its last rows.
    """
    problems, separators = [], len(layout.names) - 1
    for name, column in zip(layout.names, table.columns, strict=True):
        broken = pc.match_substring_regex(column, "[\r\n]")
        if not pc.any(broken).as_py():
            continue
        rows = pc.indices_nonzero(broken).to_pylist()
        for row in rows:
            text = column[row].as_py()
            lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            wide = [line for line in lines[1:] if line.count(layout.separator) == separators]
            unclosed = (
                last
                and row == len(table) - 1
                and name == layout.names[-1]
                and text.endswith(("\n", "\r"))
            )
            if unclosed or (
                wide and (len(layout.names) >= MIN_COLUMNS_OF_A_ROW or len(wide) == len(lines) - 1)
            ):
                problems.append(
                    f"row {first + row + 1}, {name}: a quote is opened and not closed, and the "
                    f"cell holds {len(lines) - 1} more lines; it begins with {text[:40]!r}"
                )
                break
    return problems


def _name(separator: str) -> str:
    return SEPARATORS.get(separator, repr(separator))
