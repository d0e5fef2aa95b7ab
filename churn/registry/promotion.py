"""A promotion, and the tags on a run that record it: it is stored nowhere else."""

import fcntl
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.metaflow_compat import local_store, translate_errors
from churn.words import plural

PROMOTED = "promoted"
# Metaflow accepts tags of at most 500 characters; the part before the reason needs about 70.
LONGEST_WHY = 400

_PROJECT = "churn-project:"
_NUMBER = re.compile(r"champion:([1-9]\d*)")
_EVIDENCE = re.compile(r"promotion:(\d+) at (\S+?)(?: restoring (\d+))?: (.+)")
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
        When, in UTC, to the millisecond; None where the run was tagged by hand.
    why : str
        One line; empty where the run was tagged by hand.
    restores : int or None
        Of a rollback: the number of the promotion that it restores.
    project : str or None
        The project whose champion it is, see `project_of`; None without such a tag, as by hand:
        then it counts for every project.
    note : str
        A sentence for who promoted, where the promotion was there before, or other machines
        promoted at the same moment; not stored.
    """

    number: int
    run: str
    at: datetime | None
    why: str
    restores: int | None = None
    project: str | None = None
    note: str = field(default="", compare=False)

    @property
    def own_tags(self) -> list[str]:
        """The tags that only this promotion of the run has."""
        return self.tags[1:3]

    @property
    def tags(self) -> list[str]:
        """The tags, which are added to the run in one call, so that all are there or none."""
        if self.at is None:
            raise ValueError("a promotion by hand has no time to record")
        restoring = f" restoring {self.restores}" if self.restores is not None else ""
        evidence = (
            f"promotion:{self.number} at {self.at.isoformat(timespec='milliseconds')}"
            f"{restoring}: {self.why}"
        )
        project = [] if self.project is None else [f"{_PROJECT}{self.project}"]
        return [PROMOTED, f"champion:{self.number}", evidence, *project]

    @property
    def order(self) -> tuple[int, datetime, str]:
        """The order in which the champion is the last: by number, then time, then the run's name.

        Numbers alone decide, but for the moment in which two machines have taken the same one.
        """
        return self.number, self.at or _BEFORE_ALL, self.run


def describe_promotion(promotion: Promotion) -> str:
    """A promotion in a sentence, for who made it."""
    again = f", taking up {promotion.restores} again" if promotion.restores else ""
    sentence = f"{promotion.run} is the champion now (promotion {promotion.number}{again})."
    return promotion.note or sentence


def unchanged(before: Promotion, now: Promotion | None) -> Promotion:
    """A promotion that was there before, with a note that says so.

    Parameters
    ----------
    before : Promotion
    now : Promotion or None
        That of the champion.
    """
    if now is None or now.run == before.run:
        state = f"{before.run} is the champion already (promotion {before.number})"
    else:
        state = (
            f"{before.run} was promoted before (promotion {before.number}), and {now.run} is the "
            f"champion since (promotion {now.number})"
        )
    return replace(before, note=f"{state}; nothing is changed.")


@dataclass(frozen=True)
class Unreadable:
    """A tag with the form of a promotion that cannot be read, so it does not count."""

    run: str
    tag: str
    problem: str


def project_of(contract: Contract) -> str:
    """The name of the business that a contract belongs to: its project, or else its target."""
    return contract.project or contract.target


def why_foreign(contract: Contract, other: Contract) -> str:
    """Why a contract is another business's than `other`; empty where it is not.

    It is where the projects differ, or where neither contract names its project and they share
    less than half of the features: many tables call the target `churn`.
    """
    ours, theirs = project_of(contract), project_of(other)
    if ours != theirs:
        return f"it is of the project {ours!r}, not {theirs!r}"
    if contract.project or other.project:
        return ""
    shared = len(set(contract.features) & set(other.features))
    if 2 * shared >= min(len(contract.features), len(other.features)):
        return ""
    return (
        f"its contract has only {shared} of the {len(other.features)} features, and neither says "
        "its `project`"
    )


def read_promotions(run: str, tags: Iterable[str]) -> tuple[list[Promotion], list[Unreadable]]:
    """The promotions that a run's tags record, unordered, and the tags that cannot be read.

    A number without further tags is a promotion by hand; one whose other tags cannot be read does
    not count.

    Parameters
    ----------
    run : str
        `ChurnFlow/<id>`.
    tags : iterable of str
        All tags of the run; other tags are ignored.
    """
    numbers, found, unreadable, doubtful = set(), [], [], set()
    tags = sorted(tags)
    projects = [tag.removeprefix(_PROJECT) for tag in tags if tag.startswith(_PROJECT)]
    project = projects[0] if len(projects) == 1 else None
    for tag in tags:
        if tag.startswith("champion:"):
            if number := _NUMBER.fullmatch(tag):
                numbers.add(int(number[1]))
            else:
                unreadable.append(Unreadable(run, tag, "no number from 1 up"))
        elif tag.startswith("promotion:"):
            evidence = _EVIDENCE.fullmatch(tag)
            at = _moment(evidence[2]) if evidence else None
            if evidence is None or at is None:
                unreadable.append(Unreadable(run, tag, "not: promotion:N at TIME: WHY"))
                doubtful |= {int(n) for n in re.findall(r"promotion:([1-9]\d*)(?!\d)", tag)[:1]}
                continue
            place = int(evidence[3]) if evidence[3] else None
            found.append(Promotion(int(evidence[1]), run, at, evidence[4], place, project))
    # Two machines may have promoted the run at once: that is one promotion, the earlier one.
    found = sorted((one for one in found if one.number in numbers), key=lambda one: one.order)
    found = list({one.number: one for one in reversed(found)}.values())
    by_hand = numbers - doubtful - {promotion.number for promotion in found}
    found += [Promotion(number, run, None, "", None, project) for number in by_hand]
    return found, unreadable


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def read_why(text: str) -> str:
    """A reason as one line, with blanks in place of line ends and unprintable characters.

    Raises
    ------
    ChurnError
        If nothing is left, or more than 400 characters.
    """
    why = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not why:
        raise ChurnError("A reason is needed.", ["say in a few words why, for whoever asks later"])
    if len(why) > LONGEST_WHY:
        problem = f"{plural(len(why), 'character')}; at most {LONGEST_WHY} fit into a tag"
        raise ChurnError("The reason is too long:", [problem])
    return why


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process promotes in this store.

    Metaflow's local provider reads a run's tags and writes them back, so that of two at once on the
    same run one could be lost. The system frees the lock of a process that is killed.
    """
    store = local_store()
    if store is None:
        yield
        return
    path = store / "promotion.lock"
    with translate_errors("Nothing can be promoted here:"), path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
