"""The layout of the code: imports go one way only, and every folder has one owner."""

import ast
import re
import subprocess
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from running import ROOT

# A room may import its own modules and those of the floors before it. Rooms of one floor may import
# each other one way.
FLOORS = (
    (
        "errors",
        "settings",
        "files",
        "folders",
        "home",
        "json_values",
        "metaflow_compat",
        "metaflow_service",
        "pods",
        "words",
    ),
    ("statistics",),
    ("data",),
    ("modeling",),
    ("evaluation",),
    ("targeting",),
    ("scoring",),
    ("registry",),
    ("feedback", "campaign"),
    ("monitoring",),
    ("cli", "__main__"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@cache
def imports(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(module: str) -> str:
    return module.split(".")[1]


def arrows() -> dict[tuple[str, str], list[str]]:
    """For each pair of rooms of churn, of which the first imports the second, the files."""
    found = {}
    for path in sorted((ROOT / "churn").rglob("*.py")):
        parts = path.relative_to(ROOT / "churn").with_suffix("").parts
        for module in imports(path):
            if re.match(r"churn\.\w", module) and room_of(module) != parts[0]:
                found.setdefault((parts[0], room_of(module)), []).append(f"churn/{'/'.join(parts)}")
    found.pop(("__init__", "__init__"), None)
    return found


def test_every_room_of_churn_has_a_floor():
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "churn").iterdir()}
    unknown = rooms - set(FLOOR) - {"__init__", "__pycache__", "py.typed"}
    assert not unknown, f"name the floor of {sorted(unknown)} in FLOORS"


def test_no_import_goes_up():
    up = [
        f"{room} imports {other}: {', '.join(sorted(set(files)))}"
        for (room, other), files in arrows().items()
        if room != "__init__" and other in FLOOR and FLOOR[other] > FLOOR[room]
    ]
    assert not up, "imports of a higher floor:\n" + "\n".join(up)


def test_rooms_make_no_circle():
    graph = {}
    for room, other in arrows():
        graph.setdefault(room, set()).add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"rooms import each other in a circle: {' <- '.join(error.args[1])}")


def test_modules_make_no_circle():
    """Among modules only what is imported at the top counts; a function may import later."""
    graph = {}
    for path in sorted((ROOT / "churn").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        graph[name] = set()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module.startswith("churn"):
                graph[name].add(node.module)
    for name, others in graph.items():
        others.discard(name)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("outside", ["flows", "serve", "benchmarks", "tests"])
def test_churn_imports_nothing_from_outside(outside):
    modules = {path.stem for path in (ROOT / outside).glob("*.py")} | {outside}
    modules -= {"__init__", "__main__"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted((ROOT / "churn").rglob("*.py"))
        for module in imports(path)
        if module.split(".")[0] in modules
    ]
    assert not wrong, "\n".join(wrong)


def test_flows_and_serve_do_not_import_each_other():
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for folder, other in (("flows", "serve"), ("serve", "flows"))
        for path in sorted((ROOT / folder).rglob("*.py"))
        for module in imports(path)
        if module.split(".")[0] == other
    ]
    assert not wrong, "\n".join(wrong)


# Owners


def owned_by_code_owners() -> dict[str, str]:
    """Folder, as `churn/data/`, to owner; later lines win, so a folder has exactly one."""
    found = {}
    for line in (ROOT / ".github" / "CODEOWNERS").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, owner = line.split()
            assert pattern not in found, f"CODEOWNERS names {pattern} twice"
            found[pattern.removeprefix("/")] = owner
    return found


def owned_by_readme() -> dict[str, str]:
    """The same from the table of README.md."""
    rows = re.findall(
        r"^\| `([\w./]+/)` \|.*\| ([\w ]+) \|$", (ROOT / "README.md").read_text(), re.M
    )
    folders = [folder for folder, _ in rows]
    assert len(set(folders)) == len(folders), "README.md names a folder twice"
    return {folder: f"@churn/{owner.lower().replace(' ', '-')}" for folder, owner in rows}


def git_files() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def folders_of_the_project() -> set[str]:
    """Every folder with files of the project: of churn each room, else the top ones."""
    found = set()
    for path in map(Path, git_files()):
        depth = 2 if path.parts[0] in ("churn", "tests") else 1
        if len(path.parts) > depth:
            found.add("/".join(path.parts[:depth]) + "/")
    return found


def test_readme_and_code_owners_name_the_same_owners():
    owners = owned_by_code_owners()
    folders = {f: o for f, o in owners.items() if f.endswith("/") and not f.startswith("tests/")}
    assert owned_by_readme() == folders


def test_tests_have_the_owner_of_what_they_test():
    owners = owned_by_code_owners()
    for folder, owner in owners.items():
        if folder.startswith("tests/") and folder.endswith("/"):
            room = folder.removeprefix("tests/")
            tested = owners.get(f"churn/{room}") or owners.get(room)
            assert owner == tested, f"{folder} is {owner}'s, what it tests is {tested}'s"


def test_every_folder_has_an_owner():
    unowned = folders_of_the_project() - set(owned_by_code_owners())
    assert not unowned, f"CODEOWNERS has no line for {sorted(unowned)}"


def test_every_owned_folder_exists():
    files = git_files()
    folders = [folder for folder in owned_by_code_owners() if folder.endswith("/")]
    gone = [f for f in folders if not any(file.startswith(f) for file in files)]
    assert not gone, f"CODEOWNERS names {gone}, which are not there"


def test_every_check_is_made_before_a_commit_too():
    """What `make check` runs is in the hooks of pre-commit."""
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)[1]
    made = re.findall(r"(?:-m |bin/)(ruff check|ruff format|[\w-]+)", recipe)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert len(made) == len(recipe.splitlines())
    assert not [tool for tool in made if f"entry: .venv/bin/{tool}" not in hooks]
