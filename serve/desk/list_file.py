"""A call list as a file for a spreadsheet: headings in words, rounded numbers."""

import csv
import re
from collections.abc import Iterable, Iterator
from io import BytesIO, StringIO
from typing import Any

from xlsxwriter import Workbook

from churn.campaign.stored import STATES, ListedCustomer, StoredList
from churn.data.contract import label
from serve.desk.words import offered

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A text that a spreadsheet would run, as in `churn.campaign.spreadsheet`, which needs pandas.
FORMULA = re.compile(r"'*(?:[=@\t\r]|[+-](?:.*[^0-9.]|$))", re.DOTALL)


def table(found: StoredList, rows: Iterable[ListedCustomer]) -> Iterator[list[Any]]:
    """The heading and the rows of a list, as texts and rounded numbers."""
    every = list(rows)
    offers = {row.customer: words for row in every if (words := offered(row.action))}
    contacts = list(dict.fromkeys(name for row in every for name in row.contact))
    money = f" ({found.currency})" if found.currency else ""
    yield [
        "Rank", label(found.key), *map(label, contacts), "Risk (%)", f"Value at risk{money}",
        f"Benefit of a call{money}", f"Benefit, low{money}", f"Benefit, high{money}",
        *(["Offer"] if offers else []),
        "Reason 1", "Reason 2", "Reason 3", "Best action", "Segment", "Agent", "State",
        "Call again on", "Changed by", "Changed at (UTC)",
    ]  # fmt: skip
    for row in every:
        reasons = [*row.reasons, "", "", ""][:3]
        yield [
            row.rank, row.customer, *(row.contact.get(name, "") for name in contacts),
            round(100 * row.probability, 1), round(row.value_at_risk, 2),
            round(row.net_benefit, 2), round(row.net_benefit_low, 2),
            round(row.net_benefit_high, 2),
            *([offers.get(row.customer, "")] if offers else []), *reasons,
            row.best_action or "", row.segment or "", row.agent or "",
            STATES[row.state], str(row.due or ""), row.changed_by or "",
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
    """The list as a workbook with one sheet, its heading in bold."""
    file = BytesIO()
    # A text stays a text: no formula, link or number is made of it.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(file, options) as book:
        sheet = book.add_worksheet("Calls")
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for number, line in enumerate(table(found, rows)):
            sheet.write_row(number, 0, line, None if number else bold)
    return file.getvalue(), XLSX


def _safe(text: str) -> str:
    return f"'{text}" if FORMULA.match(text) else text
