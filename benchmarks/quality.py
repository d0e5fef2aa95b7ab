"""The log loss of ChurnFlow compared with that of other libraries, on the same splits.

    python benchmarks/quality.py tables FOLDER       # more public churn tables, with contracts
    python benchmarks/quality.py compare --tables FOLDER --peers VENV/bin/python
    python benchmarks/quality.py report              # the table and the picture of the docs
    python benchmarks/quality.py generalization --tables FOLDER
    python benchmarks/quality.py regret
    python benchmarks/quality.py forget ours         # after a change of the code

VENV is a virtual environment with benchmarks/peers.txt. Every table is validated, what the
search for target leakage finds is dropped, and for each seed a fifth of each class is the test set;
copies of a customer are never on both sides. All contenders train on the same file and predict the
same rows. ChurnFlow is the flow's own command line, timed as a whole process; a peer is
a process of its own, of which only the fit is timed.

Each result is appended to a file of JSON lines (--results) at once, and its predictions to a folder
next to it; a result in the file is not measured again.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from quality_fits import FitFailed, Results, compare  # noqa: E402
from quality_report import report  # noqa: E402
from quality_tables import say, write_tables  # noqa: E402
from quality_truth import generalization, regret  # noqa: E402

from churn.errors import ChurnError  # noqa: E402

PEERS = (
    "logistic", "lightgbm", "xgboost", "catboost", "flaml", "autogluon-medium", "autogluon-best"
)  # fmt: skip


def main() -> None:
    options = parse()
    try:
        options.run(options)
    except (ChurnError, FitFailed) as error:
        sys.exit(str(error))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    kept = argparse.ArgumentParser(add_help=False)
    default = ROOT / "benchmarks" / ".quality.jsonl"
    kept.add_argument("--results", type=Path, default=default, metavar="FILE", help="%(default)s")
    limited = argparse.ArgumentParser(add_help=False)
    limited.add_argument(
        "--rows", type=int, default=10_000, help="most rows to train on, %(default)s"
    )
    fitting = argparse.ArgumentParser(add_help=False)
    fitting.add_argument("--tables", type=Path, help="folder of NAME.csv with NAME.toml beside it")
    fitting.add_argument("--go-on", action="store_true", help="note what fails, and go on")

    command = _add(commands, write_tables, "write more public churn tables, with contracts")
    command.add_argument("folder", type=Path)

    command = _add(commands, compare, "fit every contender", kept, limited, fitting)
    command.add_argument("--peers", help="Python of a virtual environment with peers.txt")
    command.add_argument("--contenders", type=_listed(PEERS), default=PEERS, metavar="A,B,…",
                         help=f"beside ours, of: {', '.join(PEERS)}")  # fmt: skip
    command.add_argument("--seeds", type=int, default=5, help="%(default)s")
    command.add_argument("--customers", type=int, default=10_000,
                         help="generate %(default)s, and tables of other shapes; or 0")  # fmt: skip
    command.add_argument("--only", nargs="*", metavar="TABLE", help="of all tables these")
    command.add_argument("--threads", type=int, help="of a peer; by default all cores")
    command.add_argument("--seconds-flaml", type=float, default=60, help="%(default)s")
    command.add_argument("--seconds-medium", type=float, help="no limit unless given")
    command.add_argument("--seconds-best", type=float, default=180, help="%(default)s")

    command = _add(commands, report, "say what compare measured", kept, limited)
    half = "only the tables that settings were chosen on, or only the others; no picture"
    command.add_argument("--half", choices=("tuned", "other"), help=half)
    about = "compare ChurnFlow at a high effort with the others; no picture"
    command.add_argument("--high", action="store_true", help=about)
    command.add_argument("--picture", type=Path, default=ROOT / ".github" / "quality.svg")

    about = "cross-validated beside test log loss"
    command = _add(commands, generalization, about, kept, limited, fitting)
    command.add_argument("--seeds", type=int, default=20, help="%(default)s")

    about = "how far from the true probabilities of generated customers"
    command = _add(commands, regret, about, kept)
    sizes = [4_000, 16_000, 64_000, 256_000, 1_000_000]
    command.add_argument("--sizes", type=_numbers, default=sizes, metavar="N,N,…")
    command.add_argument("--seeds", type=int, default=3, help="%(default)s")

    command = _add(commands, forget, "drop what was measured of some contenders", kept)
    command.add_argument("names", nargs="+")

    options = parser.parse_args()
    if options.run is compare and options.contenders:
        python = shutil.which(options.peers or "")
        if python is None:
            parser.error("say where the peers' Python is (--peers), or --contenders ''")
        # Absolute, since it is started elsewhere; not resolved, since the link selects the venv.
        options.peers = os.path.abspath(python)
    if "seeds" in options and options.seeds < 1:
        parser.error("--seeds must be at least 1")
    return options


def _add(commands, run, about: str, *parents) -> argparse.ArgumentParser:
    name = run.__name__.removeprefix("write_")
    command = commands.add_parser(name, parents=parents, help=about, description=about)
    command.set_defaults(run=run)
    return command


def _listed(known: Iterable[str]):
    def names(text: str) -> tuple[str, ...]:
        given = tuple(name for name in text.split(",") if name)
        unknown = [name for name in given if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"not known: {', '.join(unknown)}")
        return given

    return names


def _numbers(text: str) -> list[int]:
    return sorted(int(number) for number in text.split(","))


def forget(options) -> None:
    """Drop the results of some contenders (`regret` is one too), to measure them again."""
    results = Results(options.results)
    count = results.keep(lambda line: line["contender"] not in options.names)
    say(f"{count} lines of {options.results} forgotten, {len(results.lines)} kept")


if __name__ == "__main__":
    main()
