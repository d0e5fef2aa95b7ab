"""Text tables as people write them: recognised with a note, or refused with the cause."""

import bz2
import gzip
import lzma
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from churn.data.readers import load_table
from churn.data.source import SourceOptions, notes
from churn.errors import ChurnError

ROWS = [[f"{i:05}", plan, f"{i % 7}.5", "no"] for i, plan in enumerate(("Plus", "Zoë") * 60)]
HEADER = ["customer_id", "plan", "fee", "churn"]


def text(separator=",", rows=ROWS, header=HEADER, end="\n"):
    return "".join(separator.join(row) + end for row in [header, *rows])


def read(path, content, name="t.csv", **options):
    content = content if isinstance(content, bytes) else content.encode()
    (path / name).write_bytes(content)
    return load_table(path / name, options=SourceOptions.check(**options))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (text(), ""),
        ("\n" + text(), "1 empty line above"),
        (text(";"), "semicolon"),
        (text("\t"), "tab"),
        (text("|"), "bar"),
        ("sep=;\n" + text(";"), "semicolon"),
        ("sep=,\n" + text(), "comma"),
        (text(end="\r"), ""),
        (text(end="\r\n"), ""),
        ("\ufeff" + text(), ""),
        ("\ufeff" + text(";"), "semicolon"),
        (text().encode("utf-16"), "UTF-16"),
        ("Customers of March\n" + text(), "1 line above the header is skipped"),
        (text(header=[" customer_id", "plan ", "fee", " churn "]), "blanks around"),
    ],
    ids=[
        "usual", "blank line", "semicolon", "tab", "bar", "sep=;", "sep=,", "cr", "crlf", "bom",
        "bom and semicolon", "utf-16", "title", "blanks",
    ],
)  # fmt: skip
def test_a_table_is_read_as_texts_however_it_is_written(tmp_path, content, told):
    frame = read(tmp_path, content)
    assert list(frame.columns) == HEADER
    assert frame.to_numpy().tolist() == ROWS
    assert (told in " ".join(notes(frame))) if told else not notes(frame)


@pytest.mark.parametrize("name", ["t.tsv", "t.txt", "T.CSV.GZ", "t.csv.bz2", "t.csv.xz", "t.zip"])
def test_the_ending_may_be_another_one(tmp_path, name):
    content = text("\t" if name == "t.tsv" else ",").encode()
    packed = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    content = packed.get(name.lower().rpartition(".")[2], bytes)(content)
    if name == "t.zip":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("t.csv", content)
        content = (tmp_path / name).read_bytes()
    assert read(tmp_path, content, name).to_numpy().tolist() == ROWS


def test_what_is_compressed_is_known_by_its_bytes(tmp_path):
    zstd = pa.compress(text().encode(), "zstd", asbytes=True)
    assert read(tmp_path, zstd, "t.csv.zst").to_numpy().tolist() == ROWS
    frame = read(tmp_path, gzip.compress(text().encode()))
    assert frame.to_numpy().tolist() == ROWS
    assert "compressed (gzip)" in " ".join(notes(frame))
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", text())
        archive.writestr("b.csv", text())
    with pytest.raises(ChurnError, match=r"a\.csv"):
        load_table(tmp_path / "t.zip")


def test_nameless_columns_are_numbered(tmp_path):
    content = text(header=["", *HEADER[1:]])
    frame = read(tmp_path, content)
    assert list(frame.columns) == ["column_1", *HEADER[1:]]
    assert "column_1" in notes(frame)[0]


def test_another_encoding_is_refused_with_the_setting_that_reads_it(tmp_path):
    content = text().encode("cp1252")
    with pytest.raises(ChurnError, match="--encoding cp1252"):
        read(tmp_path, content)
    frame = read(tmp_path, content, encoding="cp1252")
    assert frame.to_numpy().tolist() == ROWS


@pytest.mark.parametrize("place", [0, 1, 3], ids=["first cell", "second cell", "last cell"])
@pytest.mark.parametrize("closed", [False, True], ids=["never closed", "closed later"])
@pytest.mark.parametrize("row", [60, 118, 119])
def test_a_stray_quote_swallows_no_customers(tmp_path, place, closed, row):
    rows = [list(cells) for cells in ROWS]
    rows[row][place] = '"' + rows[row][place]
    if closed:
        rows[min(row + 20, 119)][3] += '"'
    if row == 119 and place == 3 and closed:
        return  # that is a quoted cell
    with pytest.raises(ChurnError, match=r"t\.csv") as error:
        read(tmp_path, text(rows=rows))
    assert "quote" in str(error.value)


def test_line_breaks_and_quotes_within_cells_are_read(tmp_path):
    content = 'id,remark,plan,left\n1,"one, ""0""\ntwo, b",Plus,no\n2,"a\r\nb",Pro,"yes"\n'
    frame = read(tmp_path, content)
    assert frame["remark"].tolist() == ['one, "0"\ntwo, b', "a\r\nb"]
    escaped = 'id,remark,left\n1,"says \\"no, thanks\\"",no\n2,fine,yes\n'
    frame = read(tmp_path, escaped)
    assert frame["remark"].tolist() == ['says "no, thanks"', "fine"]


def test_a_separator_at_the_end_of_every_row_is_told(tmp_path):
    rows = [[*row, ""] for row in ROWS]
    with pytest.raises(ChurnError, match="rows end with a separator"):
        read(tmp_path, text(rows=rows))
    frame = read(tmp_path, text(rows=rows, header=[*HEADER, ""]))
    assert list(frame.columns) == [*HEADER, "column_5"]
    assert frame["column_5"].isna().all()


def test_a_separator_can_be_given(tmp_path):
    frame = read(tmp_path, text("~"), separator="~")
    assert frame.to_numpy().tolist() == ROWS
    with pytest.raises(ChurnError, match="--separator"):
        SourceOptions.check(separator="::")
    with pytest.raises(ChurnError, match="--encoding"):
        SourceOptions.check(encoding="utf-99")


def test_a_workbook_is_read_by_its_sheet(tmp_path):
    table = pd.DataFrame([[i, "Plus", 1.5, "no"] for i in range(5)], columns=HEADER)
    workbook(tmp_path / "t.xlsx", {"March": table})
    frame = load_table(tmp_path / "t.xlsx")
    assert list(frame.columns) == HEADER
    assert [str(int(cell)) for cell in frame["customer_id"]] == ["0", "1", "2", "3", "4"]
    workbook(tmp_path / "two.xlsx", {"March": table, "April": table.head(2)})
    with pytest.raises(ChurnError, match=r"--sheet.*'March', 'April'"):
        load_table(tmp_path / "two.xlsx")
    assert len(load_table(tmp_path / "two.xlsx", options=SourceOptions(sheet="April"))) == 2
    with pytest.raises(ChurnError, match="no sheet 'May'"):
        load_table(tmp_path / "two.xlsx", options=SourceOptions(sheet="May"))


def test_a_title_in_a_workbook_is_skipped_and_told(tmp_path):
    rows = [["Report", "", "", ""], HEADER, *([i, "Plus", 1.5, "no"] for i in range(5))]
    workbook(tmp_path / "t.xlsx", {"March": pd.DataFrame(rows[1:], columns=rows[0])})
    frame = load_table(tmp_path / "t.xlsx")
    assert list(frame.columns) == HEADER
    assert len(frame) == 5
    assert "1 line above the header is skipped: 'Report'" in notes(frame)


def test_a_table_without_its_mark_is_refused_with_the_setting_that_reads_it(tmp_path):
    for encoding in ("utf-16-le", "utf-16-be"):
        with pytest.raises(ChurnError, match=f"say --encoding {encoding}"):
            read(tmp_path, text().encode(encoding))
        frame = read(tmp_path, text().encode(encoding), encoding=encoding)
        assert frame.to_numpy().tolist() == ROWS
    assert read(tmp_path, text().encode("utf-32")).to_numpy().tolist() == ROWS
    with pytest.raises(ChurnError, match="line 3 has a NUL byte"):
        read(tmp_path, text().replace("00001", "0000\0" + "1"))


def test_a_table_of_another_format_is_refused_with_what_it_could_be(tmp_path):
    (tmp_path / "t.json").write_text("[]")
    with pytest.raises(ChurnError, match="by its name it is neither a text"):
        load_table(tmp_path / "t.json")


def workbook(path, sheets):
    """Write a minimal workbook: the parts that Excel's format demands, cells as inline texts."""
    spreadsheet = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"

    def cell(value):
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as book:
        names = list(sheets)
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            + "".join(
                f'<Override PartName="/xl/s{i}.xml" ContentType="{kind}.worksheet+xml"/>'
                for i in range(len(names))
            )
            + "</Types>",
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" Type='
            f'"{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{spreadsheet}" xmlns:r="{office}"><sheets>'
            + "".join(
                f'<sheet name="{name}" sheetId="{i + 1}" r:id="r{i}"/>'
                for i, name in enumerate(names)
            )
            + "</sheets></workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">'
            + "".join(
                f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="s{i}.xml"/>'
                for i in range(len(names))
            )
            + "</Relationships>",
        )
        for i, frame in enumerate(sheets.values()):
            rows = [frame.columns, *frame.itertuples(index=False)]
            body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
            book.writestr(
                f"xl/s{i}.xml",
                f'<worksheet xmlns="{spreadsheet}"><sheetData>{body}</sheetData></worksheet>',
            )
