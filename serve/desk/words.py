"""Money, days and times as a person reads them."""

from collections.abc import Callable
from datetime import date, datetime
from math import floor, log10

from flask import current_app

from churn.campaign.campaign_file import CampaignFile
from churn.campaign.stored import CONTACT, CONTROL
from churn.data.contract import label
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


def offered(action: str | None) -> str:
    """What a customer on a list is to be offered, and how; empty where there is only a call."""
    if action is None or action in (CONTACT, CONTROL):
        return ""
    campaign: CampaignFile | None = current_app.config["CAMPAIGN"]
    return campaign.words(action) if campaign else action


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
    """A text that begins with a capital letter, or with the name of a column in words."""
    first, *rest = text.split(":", 1)
    if rest and "_" in first and " " not in first:
        return f"{label(first)}:{rest[0]}"
    return text[:1].upper() + text[1:]


def amount(value: float, currency: str = "") -> str:
    """An amount on an axis: `$20k`, `€1.5M`."""
    for size, unit in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            before = money(0, currency).removesuffix("0")
            return f"{'−' if value < 0 else ''}{before}{abs(value) / size:.3g}{unit}"
    return money(value, currency)


def count(number: float) -> str:
    """A rounded number of customers, with a minus sign where it is negative."""
    return f"{number:,.0f}".replace("-", "−")


def month(name: str) -> str:
    """A month that is written as `2026-03`: `Mar 2026`."""
    return f"{date.fromisoformat(f'{name}-01'):%b %Y}"


def short_month(name: str) -> str:
    """A month on an axis: `Mar`, and with its year in January: `Jan ’26`."""
    first = date.fromisoformat(f"{name}-01")
    return f"{first:%b ’%y}" if first.month == 1 else f"{first:%b}"


def round_up(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `least`."""
    power = 10.0 ** floor(log10(least))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= least * 0.999)


FILTERS: dict[str, Callable[..., str]] = {
    "money": money, "day": day, "short_day": short_day, "minute": minute, "sentence": sentence,
    "plural": plural, "offered": offered, "amount": amount, "count": count,
    "month": month, "short_month": short_month,
}  # fmt: skip
