"""Money, days and times as a person reads them."""

from collections.abc import Callable
from datetime import date, datetime

from churn.words import plural

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
# From this amount on, the cents are left out.
ROUND_FROM = 100.0


def money(amount: float, currency: str = "") -> str:
    """An amount with its currency, rounded: `$52.28`, `€1,340`, `CHF 12.50`."""
    size = abs(amount)
    digits = f"{size:,.0f}" if size >= ROUND_FROM or size == round(size) else f"{size:,.2f}"
    sign = "−" if amount < 0 and digits.strip("0.,") else ""
    before = SIGNS.get(currency, f"{currency}\u00a0" if currency else "")
    return f"{sign}{before}{digits}"


def day(when: date) -> str:
    """A day: `2 March 2026`."""
    return f"{when.day} {when:%B %Y}"


def short_day(when: date) -> str:
    """A day in a table: `2 Mar 2026`."""
    return f"{when.day} {when:%b %Y}"


def minute(when: datetime) -> str:
    """A time in UTC: `2 Mar 2026, 14:05`."""
    return f"{short_day(when)}, {when:%H:%M}"


def sentence(text: str) -> str:
    """A text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


FILTERS: dict[str, Callable[..., str]] = {
    "money": money, "day": day, "short_day": short_day, "minute": minute, "sentence": sentence,
    "plural": plural,
}  # fmt: skip
