"""Components that cards share."""

import pandas as pd
from metaflow.cards import Markdown, Table

# On a narrow screen a chart in Metaflow's page has no width, a table has too much padding, and the
# name of a run is longer than a line. In the dark the whole page is inverted, charts included, and
# the hues are turned back.
STYLE = (
    "<style>.vega-embed{width:100%}.mf-card :is(td,th){text-align:left}"
    ".mf-card :is(h1,h2,p,li){overflow-wrap:anywhere}"
    # In a table `anywhere` would make a column as narrow as a letter.
    ".mf-card :is(td,th) :is(p,li){overflow-wrap:break-word}"
    "@media (max-width:60rem){.mf-card :is(td,th){padding:.3rem .4rem;font-size:.8rem}"
    ".mf-card h1{font-size:1.5rem;line-height:1.25}.mf-card h2{font-size:1.2rem}}"
    "@media screen and (prefers-color-scheme:dark)"
    "{html{background:#f2f2f0;filter:invert(.93) hue-rotate(180deg)}}</style>"
)


def page(*parts) -> list:
    """The components of a card, usable on a screen of any width."""
    return [Markdown(STYLE), *parts]


def as_span(found: dict) -> str:
    """A value's interval as text."""
    return f"{found['low']:.2f} to {found['high']:.2f}"


def as_table(frame: pd.DataFrame, otherwise: str):
    """A table, or the text `otherwise` if it is empty."""
    if frame.empty:
        return Markdown(otherwise)
    return Table([[str(cell) for cell in row] for row in frame.to_numpy()], headers=[*frame])
