"""Mutation testing: change one expression at a time, and see whether a test notices.

    python tests/mutants.py [--sample N] [--tests PATH ...] [MODULE.py ...]

`make mutants` runs it in an environment that has mutmut, on the modules of churn and serve that
differ from main. The tests of a module are those in the files that import it, without the slow
ones. A mutant counts as noticed when one of them fails, or runs into the limit of time. Sentences
are left alone: tests compare the words that matter, and a changed message decides nothing.
"""

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import libcst as cst
import mutmut.configuration
from mutmut import __main__ as mutmut_main
from mutmut.mutation import mutators
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils import file_utils

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".mutants" / "work"
COPIED = (
    "churn",
    "serve",
    "flows",
    "benchmarks",
    "tests",
    "examples",
    "docs",
    "README.md",
    "pyproject.toml",
)
NOT_SLOW = "not slow and not scheduled"
FLOOR = 0.85
NOTICED = {"killed", "timeout", "segfault", "suspicious"}


def imported(path: Path) -> Iterator[str]:
    """The modules, and the names in modules, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tests_of(module: str) -> list[str]:
    """The test files that import a module, or its package; where none does, those of its folder."""
    name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    imports = {str(path.relative_to(ROOT)): set(imported(path)) for path in files}
    while "." in name:
        if found := [path for path, names in imports.items() if name in names]:
            return found
        name = name.rpartition(".")[0]
    folder = "tests/" + (module.split("/")[1] if module.startswith("churn/") else "serve")
    return [folder if (ROOT / folder).is_dir() else "tests"]


def changed_modules() -> list[str]:
    """The modules that differ from main, also where they are not committed."""
    command = ["git", "diff", "--name-only", "--diff-filter=d", "main", "--", "churn", "serve"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for path in listed.splitlines() if path.endswith(".py")]


def change_names_only(node: cst.BaseString) -> Iterator[cst.BaseString]:
    """Mutate a text that is one word, like the name of a column; leave a sentence alone."""
    if isinstance(node, cst.SimpleString) and re.fullmatch(r"""["'][^\s"']+["']""", node.value):
        yield node.with_changes(value=f"{node.value[:-1]}XX{node.value[-1]}")


def restrict_operators() -> None:
    kept = [pair for pair in mutators.mutation_operators if pair[0] is not cst.BaseString]
    mutators.mutation_operators[:] = [*kept, (cst.BaseString, change_names_only)]


def mutate(module: str, tests: list[str], marks: str, sample: int, children: int) -> None:
    """Test the mutants of a module, or a random sample of them, and write down what was seen."""
    restrict_operators()
    mutmut.configuration._config = replace(
        mutmut.configuration.config(),
        only_mutate=[module],
        pytest_add_cli_args_test_selection=tests,
        pytest_add_cli_args=["-m", marks, "-p", "no:cacheprovider"],
    )
    file_utils.copy_src_dir()
    mutmut_main.create_mutants(children)
    data = SourceFileMutationData(path=Path(module))
    data.load()
    names = sorted(data.exit_code_by_key)
    if sample and sample < len(names):
        names = sorted(random.Random(0).sample(names, sample))
    if names:
        mutmut_main._run(names, children)
    data.load()
    report(
        module,
        tests,
        {name: data.exit_code_by_key[name] for name in names},
        len(data.exit_code_by_key),
    )


def report(module: str, tests: list[str], codes: dict[str, int | None], made: int) -> None:
    """Write a line for the table, and the difference that each unnoticed mutant makes."""
    statuses = {name: status_by_exit_code[code] for name, code in codes.items()}
    noticed = sum(status in NOTICED for status in statuses.values())
    Path("line.txt").write_text(f"{module} {made} {len(codes)} {noticed}\n", "utf-8")
    lines = [f"# {module}: {noticed} of {len(codes)} noticed by {' '.join(tests)}"]
    lines.append(f"# {dict(Counter(statuses.values()))}")
    for name, status in statuses.items():
        if status not in NOTICED:
            lines += [f"# {name}: {status}", get_diff_for_mutant(name, path=Path(module))]
    Path("unnoticed.txt").write_text("\n".join(lines), "utf-8")


def workplace(module: str) -> Path:
    """A new folder in which mutmut may copy the project and mutate the copy."""
    folder = WORK / module.removesuffix(".py").replace("/", ".")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", help="files of churn and serve; those changed")
    parser.add_argument("--sample", type=int, default=0, help="a random sample of each file")
    parser.add_argument("--tests", nargs="*", default=[], help="test files, for all of the modules")
    parser.add_argument(
        "--marks", default=NOT_SLOW, help=f"which tests, as pytest's -m; {NOT_SLOW!r}"
    )
    parser.add_argument("--children", type=int, default=2)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.here:
        mutate(options.modules[0], options.tests, options.marks, options.sample, options.children)
        return 0
    modules = options.modules or changed_modules()
    low = []
    session = WORK.parent / "session"  # what tests share, kept between the many runs of pytest
    session.mkdir(exist_ok=True)
    print(f"{'module':44} {'mutants':>8} {'tested':>7} {'noticed':>8}")
    for module in modules:
        folder = workplace(module)
        command = [sys.executable, str(ROOT / "tests" / "mutants.py"), "--here", module]
        command += ["--sample", str(options.sample), "--children", str(options.children)]
        command += ["--marks", options.marks, "--tests", *(options.tests or tests_of(module))]
        settings = os.environ | {"CHURN_TEST_SESSION": str(session), "OMP_NUM_THREADS": "1"}
        with (folder / "log.txt").open("w") as log:
            subprocess.run(command, cwd=folder, env=settings, stdout=log, stderr=log, check=False)
        if not (folder / "line.txt").exists():
            print(f"{module}: it could not be tested; see {folder / 'log.txt'}", flush=True)
            low.append(module)
            continue
        made, tested, noticed = map(int, (folder / "line.txt").read_text().split()[1:])
        share = noticed / tested if tested else 1.0
        print(f"{module:44} {made:8} {tested:7} {noticed:5} {share:5.0%}", flush=True)
        if share < FLOOR:
            low.append(module)
    print(f"The others: {WORK}/*/unnoticed.txt")
    if low:
        print(f"Below {FLOOR:.0%}: {', '.join(low)}")
    return int(bool(low))


if __name__ == "__main__":
    sys.exit(main())
