"""A call list as a file for a spreadsheet: headings in words, rounded numbers."""

import csv
import re
from collections.abc import Iterable, Iterator
from io import BytesIO, StringIO
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from churn.campaign.stored import STATES, ListedCustomer, StoredList
from churn.data.contract import label

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A text that a spreadsheet would run, as in `churn.campaign.spreadsheet`, which needs pandas.
FORMULA = re.compile(r"'*(?:[=@\t\r]|[+-](?:.*[^0-9.]|$))", re.DOTALL)
# Characters that XML has no way to write.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def table(found: StoredList, rows: Iterable[ListedCustomer]) -> Iterator[list[Any]]:
    """The heading and the rows of a list, as texts and rounded numbers."""
    every = list(rows)
    contacts = list(dict.fromkeys(name for row in every for name in row.contact))
    money = f" ({found.currency})" if found.currency else ""
    yield [
        "Rank", label(found.key), *map(label, contacts), "Risk (%)", f"Value at risk{money}",
        f"Benefit of a call{money}", f"Benefit, low{money}", f"Benefit, high{money}",
        "Reason 1", "Reason 2", "Reason 3", "Best action", "Segment", "Agent", "State",
        "Call again on", "Changed by", "Changed at (UTC)",
    ]  # fmt: skip
    for row in every:
        reasons = [*row.reasons, "", "", ""][:3]
        yield [
            row.rank, row.customer, *(row.contact.get(name, "") for name in contacts),
            round(100 * row.probability, 1), round(row.value_at_risk, 2),
            round(row.net_benefit, 2), round(row.net_benefit_low, 2),
            round(row.net_benefit_high, 2), *reasons, row.best_action or "", row.segment or "",
            row.agent or "", STATES[row.state], str(row.due or ""), row.changed_by or "",
            f"{row.changed_at:%Y-%m-%d %H:%M}" if row.changed_at else "",
        ]  # fmt: skip


def csv_file(found: StoredList, rows: Iterable[ListedCustomer]) -> tuple[bytes, str]:
    """The list as CSV in UTF-8 with a byte order mark, which Excel needs to see that it is."""
    text = StringIO()
    writer = csv.writer(text)
    for line in table(found, rows):
        writer.writerow([_safe(cell) if isinstance(cell, str) else cell for cell in line])
    return text.getvalue().encode("utf-8-sig"), CSV


def excel_file(found: StoredList, rows: Iterable[ListedCustomer]) -> tuple[bytes, str]:
    """The list as an Office Open XML workbook with one sheet (ECMA-376), its heading in bold."""
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as book:
        for name, text in _PARTS.items():
            book.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{text}')
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
                        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
                        "</sheetView></sheetViews><sheetData>".encode())  # fmt: skip
            for number, line in enumerate(table(found, rows)):
                cells = "".join(_cell(cell, bold=number == 0) for cell in line)
                sheet.write(f"<row>{cells}</row>".encode())
            sheet.write(b"</sheetData></worksheet>")
    return file.getvalue(), XLSX


def _safe(text: str) -> str:
    return f"'{text}" if FORMULA.match(text) else text


def _cell(cell: Any, *, bold: bool) -> str:
    style = ' s="1"' if bold else ""
    if not isinstance(cell, str):
        return f"<c{style}><v>{cell!r}</v></c>"
    text = escape(UNPRINTABLE.sub("\ufffd", cell))
    return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{text}</t></is></c>'


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Calls" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font/><font><b/></font></fonts>'
        '<fills count="1"><fill/></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>'
    ),
}
