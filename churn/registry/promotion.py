"""A promotion, and the tags on a run that say it: nothing about it is stored anywhere else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from churn.errors import ChurnError

PROMOTED = "promoted"
# Metaflow takes tags of at most 500 characters; what stands before the reason needs about 70.
LONGEST_WHY = 400

_NUMBER = re.compile(r"champion:([1-9]\d*)")
_EVIDENCE = re.compile(r"promotion:(\d+) at (\S+?)(?: restoring (\d+))?: (.+)")
_CLAIM = re.compile(r"promotion:(\d{1,18})\b")
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Promotion:
    """A run that was made the champion.

    Attributes
    ----------
    number : int
        Counts up from 1.
    run : str
        `ChurnFlow/<id>`.
    at : datetime or None
        When, in UTC, to the millisecond; None where somebody tagged the run by hand.
    why : str
        One line; empty where somebody tagged the run by hand.
    restores : int or None
        Of a rollback: the number of the promotion that it took up again.
    """

    number: int
    run: str
    at: datetime | None
    why: str
    restores: int | None = None

    @property
    def tags(self) -> list[str]:
        """What is added to the run, all in one call, so that it is there whole or not at all."""
        restoring = f" restoring {self.restores}" if self.restores else ""
        evidence = (
            f"promotion:{self.number} at {self.at.isoformat(timespec='milliseconds')}"
            f"{restoring}: {self.why}"
        )
        return [PROMOTED, f"champion:{self.number}", evidence]

    @property
    def order(self) -> tuple:
        """What the champion has the most of: the number, then the time, then the run's name.

        Numbers alone decide, but where two machines took the same one.
        """
        return self.number, self.at or _BEFORE_ALL, self.run


def read_promotions(run: str, tags: Iterable[str]) -> list[Promotion]:
    """The promotions that a run's tags tell of, in no order.

    Parameters
    ----------
    run : str
        `ChurnFlow/<id>`.
    tags : iterable of str
        All that are on it; those of others are left alone.
    """
    numbers = {int(found[1]) for tag in tags if (found := _NUMBER.fullmatch(tag))}
    evidence = [found for tag in tags if (found := _CLAIM.match(tag))]
    read = [promotion for tag in tags if (promotion := _read(run, tag))]
    by_hand = numbers - {int(found[1]) for found in evidence}
    return [promotion for promotion in read if promotion.number in numbers] + [
        Promotion(number, run, None, "") for number in by_hand
    ]


def unreadable_evidence(tags: Iterable[str]) -> list[str]:
    """The tags that look like a promotion's and cannot be read: they promote nothing."""
    return sorted(tag for tag in tags if tag.startswith("promotion:") and not _read("", tag))


def _read(run: str, tag: str) -> Promotion | None:
    found = _EVIDENCE.fullmatch(tag)
    if not found:
        return None
    number, at, place, why = found.groups()
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        return None
    if time.tzinfo is None:  # it could not be compared with the others
        return None
    return Promotion(int(number), run, time, why, int(place) if place else None)


def read_why(text: str) -> str:
    """A reason as one line, blanks where there were line ends and what cannot be printed.

    Raises
    ------
    ChurnError
        If nothing is left, or more than 400 characters.
    """
    why = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not why:
        raise ChurnError("A reason is needed.", ["say in a few words why, for whoever asks later"])
    if len(why) > LONGEST_WHY:
        problem = f"{len(why)} characters; at most {LONGEST_WHY} fit into a tag"
        raise ChurnError("The reason is too long:", [problem])
    return why
