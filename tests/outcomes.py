"""Helpers for tests of outcomes."""

from datetime import UTC, date, datetime

from churn.feedback.outcomes import Outcome

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
MAY, JUNE, JULY = date(2024, 5, 1), date(2024, 6, 1), date(2024, 7, 1)


def outcome(customer="a", day=MAY, left=True, recorded=NOON):
    return Outcome(customer, day, left, recorded)


def written(tmp_path, text):
    path = tmp_path / "outcomes.csv"
    path.write_text(text)
    return str(path)
