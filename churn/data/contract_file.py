"""An inferred contract as a file for a person: a summary of each column, and the next steps."""

import pandas as pd

from churn.data.contract import Contract, Feature
from churn.data.inference import ignored_reasons
from churn.data.parsing import parse_dates, parse_numbers, parse_texts, unavailable

__all__ = ["annotated_toml"]

FIRST = 3
WIDTH = 60
HEADER = """\
# What a customer table must look like. It was inferred from {rows:,} rows: read it and correct it.
#
# A feature may have
#   description = "What the customer pays each month"   shown on pages, cards and in the API's docs
#   actionable = true                                   the business can change it, by an offer
#   unit = "dollars per month"                          of a number
#   nullable = true                                     it may be missing
#   missing = ["?", "none"]                             cells that mean so; NA and null mean so
#                                                       unless they stand in `categories`
#   unseen = "flag"                                     a category never seen is taken as unknown;
#                                                       "refuse" (the default) refuses the request
# and at the top, before the first [table],
#   project = "telecom"                                 a champion is one per project
#   horizon_days = 30                                   within how many days a customer leaves
#   keep = ["name", "phone"]                            on the call list for the agents; no features
#   contradictions = ['(phone == 0) * (lines == "Yes")']  customers that cannot be are rejected, in
#                                                       tables, requests and the form
# New features are formulas over the others (+ - * /, comparisons, parentheses; a name with blanks
# in backquotes):
#   [derived]
#   price_per_month = "total_charges / tenure"
#   both = '(tech_support == "Yes") + (online_backup == "Yes")'
"""


def annotated_toml(contract: Contract, frame: pd.DataFrame) -> str:
    """The contract as TOML, with a comment that summarises each column.

    Parameters
    ----------
    contract : Contract
    frame : DataFrame
        The raw table that it was inferred from.
    """
    lines = [HEADER.format(rows=len(frame))]
    reasons = {name: why for name, why in ignored_reasons(frame, contract).items() if why}
    if reasons:
        lines.append("# These columns are no features (see `ignore`):")
        lines += [f"#   {_one_line(name)}: {_one_line(why, 200)}" for name, why in reasons.items()]
        lines.append("")
    features = iter(contract.features.items())
    for line in contract.to_toml().splitlines():
        if line.startswith("[features.") and line.endswith("]"):
            name, feature = next(features)
            if name in frame:
                lines.append(f"# {_seen(frame[name], feature)}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _seen(column: pd.Series, feature: Feature) -> str:
    texts = parse_texts(column, feature.categories if feature.kind == "category" else ())
    filled = texts.codes >= 0
    known = pd.Series(texts[filled])
    first = ", ".join(_one_line(text, 30) for text in known.unique()[:FIRST])
    observed = [f"{len(texts.categories):,} different values, the first {first}"]
    if feature.kind == "number":
        numbers = pd.Series(parse_numbers(column, feature.decimal, feature.missing)[0])
        if numbers.notna().any():
            observed.append(f"from {numbers.min():.6g} to {numbers.max():.6g}")
    if feature.kind == "date":
        days = pd.Series(parse_dates(column, feature.order, feature.missing)[0])
        if days.notna().any():
            observed.append(f"from {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}")
    missing = int((~filled).sum())
    share = missing / len(column)
    observed.append(f"{missing:,} missing ({share:.1%})" if missing else "none missing")
    if feature.kind == "category":
        shares = known.value_counts(normalize=True)
        observed.append(f"most often {_one_line(shares.index[0], 30)} ({shares.iloc[0]:.0%})")
    for check, at in unavailable(column, feature).items():
        if at.any():
            examples = ", ".join(map(repr, dict.fromkeys(column[at].astype(str))))
            observed.append(f"{at.sum():,} cells say {_one_line(examples, 40)}: {check}")
    return "; ".join(observed)


def _one_line(text: object, width: int = WIDTH) -> str:
    """A text that may stand in a comment: printable, on one line, not too long."""
    shown = "".join(c if c.isprintable() else " " for c in str(text))
    return shown if len(shown) <= width else f"{shown[: width - 1]}…"
