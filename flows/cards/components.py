"""Components that cards share: words, with the expert's figures beside them, on any screen."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import pandas as pd
from metaflow.cards import Markdown, VegaChart

from churn.data.contract import label

STYLE = Path(__file__).with_name("card.css")


def page(title: str, subtitle: str, *parts) -> list:
    """The components of a card, usable on a screen of any width, in the light and in the dark."""
    rules = " ".join(STYLE.read_text().split())
    head = f"<h1>{escape(title, quote=False)}</h1><p class='soft'>{_words(subtitle)}</p>"
    found = [Markdown(f"<style>{rules}</style>"), Markdown(f"<header>{head}</header>")]
    for part in parts:
        found.extend(part if isinstance(part, list) else [part])
    return found


def heading(text: str) -> Markdown:
    """A section's heading."""
    return Markdown(f"<h2>{escape(text, quote=False)}</h2>")


def paragraph(text: str) -> Markdown:
    """A text in which nothing is markup."""
    return Markdown(f"<p>{_words(text)}</p>")


def sentences(lines: Iterable[str]) -> list[Markdown]:
    """A list of sentences in which nothing is markup; nothing where there is none."""
    items = "".join(f"<li>{_words(line)}</li>" for line in lines)
    return [Markdown(f"<ul>{items}</ul>")] if items else []


def figures(shown: Iterable[tuple[str, str, str]]) -> Markdown:
    """The figures that matter most: the figure, a manager's words, and the expert's."""
    tiles = "".join(
        f"<div><b>{_words(figure)}</b><p>{_words(words)}</p>"
        f"<p class='soft'>{_words(expert)}</p></div>"
        for figure, words, expert in shown
    )
    return Markdown(f"<div class='figures'>{tiles}</div>")


def facts(rows: Iterable[tuple[str, object]]) -> Markdown:
    """What there is, and how much of it."""
    items = "".join(
        f"<div><dt>{_words(name)}</dt><dd>{_words(value)}</dd></div>" for name, value in rows
    )
    return Markdown(f"<dl class='facts'>{items}</dl>")


def table(
    rows: Sequence[Sequence[object]], headers: Sequence[str], otherwise: str = ""
) -> Markdown:
    """A table that is a list of its rows where the screen is narrow; or the text `otherwise`.

    Of a cell that is a tuple the first text stands out. The roles are given, because a
    table that is drawn as a list is else no table to a screen reader.
    """
    if not len(rows):
        return paragraph(otherwise)
    wide = " wide" if len(headers) > 3 else ""
    heads = "".join(f"<th role='columnheader'>{_words(text)}</th>" for text in headers)
    body = "".join(
        "<tr role='row'>"
        + "".join(
            f"<td role='cell' data-of='{escape(head)}'>{_words(cell)}</td>"
            for head, cell in zip(headers, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return Markdown(
        f"<table role='table' class='rows{wide}'><thead role='rowgroup'><tr role='row'>{heads}</tr>"
        f"</thead><tbody role='rowgroup'>{body}</tbody></table>"
    )


def as_table(frame: pd.DataFrame, otherwise: str) -> Markdown:
    """A table of a data frame, or the text `otherwise` if it is empty."""
    return table(frame.to_numpy().tolist(), [str(name) for name in frame], otherwise)


def problems_table(problems: pd.DataFrame) -> Markdown:
    """What was wrong with a table of customers; see `churn.data.validation.Validation`."""
    effects = {"rejected": "rows rejected", "note": "noted"}
    rows = [
        [label(str(row.column)), row.check, effects.get(str(row.effect), row.effect),
         f"{row.count:,}", row.examples]
        for row in problems.itertuples(index=False)
    ]  # fmt: skip
    headers = ["column", "what is wrong", "what was done", "rows", "such as"]
    return table(rows, headers, "The table keeps its contract: nothing was wrong.")


def chart(spec: dict) -> list:
    """A chart below its title."""
    title = escape(spec["description"], quote=False)
    return [Markdown(f"<h3>{title}</h3>"), VegaChart(spec)]


def as_span(found: dict) -> str:
    """A value's interval as text."""
    return f"{found['low']:.2f} to {found['high']:.2f}"


def _words(value: object) -> str:
    if isinstance(value, tuple):
        first, *rest = value
        return "".join([_words(first), *(f"<small>{_words(more)}</small>" for more in rest)])
    # A line break would end the HTML block of the Markdown.
    return escape(str(value), quote=False).replace("\n", "<br>")
