"""Evidently's report on the same questions, as a page of HTML."""

import warnings

import pandas as pd

from churn.monitoring.drift import KS, LEVEL, Question
from churn.monitoring.stattests import registered


def evidently_report(asked: list[Question]) -> str:
    """One page with a chart of each question, and what Evidently's test says of it.

    Evidently marks a column by its p-value alone, here below `LEVEL` divided by the number of
    questions (Bonferroni); an alarm asks for an effect as well.

    Parameters
    ----------
    asked : list of Question
        At least one.
    """
    registered()  # before the import: it also says that nothing is to be reported to anybody
    numbers = [one.name for one in asked if one.method == KS]
    others = [one.name for one in asked if one.method != KS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own imports and charts
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        definition = DataDefinition(numerical_columns=numbers, categorical_columns=others)
        samples = [
            Dataset.from_pandas(_table(asked, side), data_definition=definition)
            for side in ("current", "reference")
        ]
        level = LEVEL / len(asked)
        metrics = [ValueDrift(column=one.name, method=one.method, threshold=level) for one in asked]
        return Report(metrics).run(*samples).get_html_str(as_iframe=False)


def _table(asked: list[Question], side: str) -> pd.DataFrame:
    # Values of questions of one feature are fewer than its customers: the rest is left empty.
    columns = {one.name: getattr(one, side).reset_index(drop=True) for one in asked}
    return pd.DataFrame(
        {
            name: column if pd.api.types.is_float_dtype(column) else column.astype(object).map(str)
            for name, column in columns.items()
        }
    )
