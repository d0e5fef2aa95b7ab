"""Parts that cards share."""

import pandas as pd
from metaflow.cards import Markdown, Table


def as_span(found: dict) -> str:
    """The interval of what was found."""
    return f"{found['low']:.2f} to {found['high']:.2f}"


def as_table(frame: pd.DataFrame, otherwise: str):
    """A table, or what to say where it is empty."""
    if frame.empty:
        return Markdown(otherwise)
    return Table([[str(cell) for cell in row] for row in frame.to_numpy()], headers=[*frame])
