"""What can be said of the dependencies without a network.

    python deploy/audit.py

Each requirement has its reason beside it; each locked version has hashes, is the installed one,
runs on the supported Pythons, and has a licence that a closed project may use. Known
vulnerabilities are not looked up: their database is on the network.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
LISTS = (
    "requirements.txt", "serve/requirements.txt", "serve/otel.txt", "deploy/requirements.txt",
    "deploy/checkov.txt", "tests/requirements.txt", "tests/mutants.txt"
)  # fmt: skip
LOCKS = ("requirements.lock", "serve/requirements.lock", "tests/requirements.lock")
PYTHONS = ("3.11", "3.12", "3.13")
# Licences that ask for the source of what uses them. LGPL asks for that of the library alone.
COPYLEFT = re.compile(r"\bA?GPL|GNU (Affero )?General Public", re.I)


def without_reason(text: str) -> list[str]:
    """The requirements of a list that have no comment beside them."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#") and "  # " not in line]


def locked(text: str) -> Iterator[tuple[Requirement, bool]]:
    """The versions in a lock that this platform installs, and whether each has a hash."""
    for entry in re.split(r"\n(?=\S)", text.strip()):
        requirement = Requirement(re.split(r"\s\\?\s*--hash|\s\\\n", entry)[0].rstrip(" \\"))
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement, "--hash=sha256:" in entry


def licence(found: Distribution) -> str:
    """The licence of an installed package in a few words; empty where it names none."""
    named = found.metadata.get("License-Expression") or ""
    classifiers = found.metadata.get_all("Classifier") or []
    named = named or ", ".join(
        one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License :: ")
    )
    named = named or (found.metadata.get("License") or "")
    for path in found.metadata.get_all("License-File") or []:
        named = named or (found.read_text(f"licenses/{path}") or "").strip()
    return named.split("\n")[0][:60]


def problems_of(requirement: Requirement, hashed: bool) -> Iterator[str]:
    """What is wrong with a locked version."""
    name = requirement.name
    if not hashed:
        yield f"{name}: no hash"
    try:
        found = distribution(name)
    except PackageNotFoundError:
        yield f"{name}: not installed"
        return
    if not requirement.specifier.contains(found.version, prereleases=True):
        yield f"{name}: {found.version} is installed, not {requirement.specifier}"
    runs_on = SpecifierSet(found.metadata.get("Requires-Python") or "")
    for python in PYTHONS:
        if not runs_on.contains(f"{python}.0"):
            yield f"{name}: it does not run on Python {python} ({runs_on})"
    if not licence(found):
        yield f"{name}: it names no licence"
    elif COPYLEFT.search(licence(found)) and "LGPL" not in licence(found):
        yield f"{name}: its licence is {licence(found)}"


def main() -> int:
    """Print what was found; 1 if anything is wrong."""
    problems = [
        f"{path}: no reason beside {line}"
        for path in LISTS
        for line in without_reason((ROOT / path).read_text("utf-8"))
    ]
    licences: Counter[str] = Counter()
    seen: dict[str, Requirement] = {}
    for path in LOCKS:
        for requirement, hashed in locked((ROOT / path).read_text("utf-8")):
            first = seen.setdefault(requirement.name, requirement)
            if first.specifier != requirement.specifier:
                problems.append(f"{path}: {requirement}, and {first} in another lock")
            elif first is requirement:
                problems += problems_of(requirement, hashed)
    for name in seen:
        try:
            licences[licence(distribution(name))] += 1
        except PackageNotFoundError:
            continue
    print(f"{len(seen)} packages are locked here. Their licences:")
    for named, count in licences.most_common():
        print(f"  {count:4} {named}")
    print("Known vulnerabilities were not looked up: that needs the network.")
    for problem in problems:
        print(f"- {problem}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
