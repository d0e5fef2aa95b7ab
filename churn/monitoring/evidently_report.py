"""Evidently's report on the columns of the drift tests, as a page of HTML.

The report does not affect the verdict: `churn.monitoring.drift` does. Importing Evidently takes 4
seconds and 300 MB, so only this module imports it, and the report is made once the verdict is sent.
"""

import os
import warnings

import pandas as pd

from churn.monitoring.two_sample import KS, TwoSampleTest

# Distances, which unlike significance do not grow with the number of customers.
NUMBERS, CATEGORIES = "wasserstein", "jensenshannon"
THRESHOLD = 0.1


def evidently_report(tests: list[TwoSampleTest]) -> str:
    """One page with a chart of each column, reference and current.

    Evidently marks a column whose distance, normalised by the standard deviation (Wasserstein) or
    between 0 and 1 (Jensen-Shannon), is at least `THRESHOLD`.

    Parameters
    ----------
    tests : list of TwoSampleTest
        At least one.
    """
    os.environ["DO_NOT_TRACK"] = "1"  # switches Evidently's usage reports off
    numbers = [test.name for test in tests if test.method == KS]
    others = [test.name for test in tests if test.method != KS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own imports and charts
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        definition = DataDefinition(numerical_columns=numbers, categorical_columns=others)
        samples = [
            Dataset.from_pandas(_table(tests, side), data_definition=definition)
            for side in ("current", "reference")
        ]
        metrics = [
            ValueDrift(
                column=test.name,
                method=NUMBERS if test.method == KS else CATEGORIES,
                threshold=THRESHOLD,
            )
            for test in tests
        ]
        page: str = Report(metrics).run(*samples).get_html_str(as_iframe=False)
        return page


def _table(tests: list[TwoSampleTest], side: str) -> pd.DataFrame:
    # A test of values has only rows that are not missing, so its column is padded.
    columns = {test.name: getattr(test, side).reset_index(drop=True) for test in tests}
    return pd.DataFrame(
        {
            name: column if pd.api.types.is_float_dtype(column) else column.astype(object).map(str)
            for name, column in columns.items()
        }
    )
