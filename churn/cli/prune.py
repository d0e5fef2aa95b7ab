"""`churn prune`: delete old runs to free disk space."""

import argparse
import os
import time
from pathlib import Path

from churn.cli.commands import Commands
from churn.errors import ChurnError
from churn.words import plural

DAY = 86_400
MOST = 100_000


def add(commands: Commands) -> None:
    """Add the command that deletes old runs."""
    about = (
        "delete runs older than so many days from the local store, and files left in the state "
        "folder, such as converted tables; never a run that was promoted, or whose predictions are "
        "in the log"
    )
    parser = commands.add_parser("prune", help=about, description=about)
    parser.add_argument(
        "--keep-days", type=_days, required=True, metavar="N", help="younger runs stay"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    # The default comes from the environment, and is not shown: a URL may have a password.
    parser.add_argument("--log", metavar="URL", help="the database; CHURN_LOG, or in CHURN_STATE")
    parser.set_defaults(run=_prune)


def _prune(options: argparse.Namespace) -> None:
    from churn.data.conversion import prune_tables
    from churn.metaflow_compat import local_store
    from churn.registry.pruning import prune_runs

    needed = _needed(options.log)  # also finds the store
    store = local_store()
    if store is None or not store.is_dir():
        hint = "there is none here; a store on S3 expires objects by rules of its own"
        raise ChurnError("Only a local store can be pruned:", [hint])
    done = prune_runs(store, options.keep_days, needed, dry=options.dry_run)
    leftovers = _leftovers(options.keep_days, options.dry_run)
    leftovers += prune_tables(_state() / "tables", options.keep_days, dry=options.dry_run)
    would = "would be " if options.dry_run else ""
    freed = (done.freed + leftovers) / 1e6
    print(
        f"{plural(len(done.runs), 'run')} more than {plural(options.keep_days, 'day')} old "
        f"{would}deleted from {store}; {freed:,.1f} MB {would}freed."
    )
    for name, why in done.kept.items():
        print(f"{name} is older and stays: {why}.")
    for flow in done.running:
        print(f"A run of {flow} may be under way: what its old runs share was left alone.")


def _needed(url: str | None) -> dict[str, str]:
    """The runs that must stay, and why."""
    from churn.feedback.prediction_log import OFF, PredictionLog, database_url
    from churn.registry.history import read_history
    from churn.registry.policies import FLOW as POLICIES
    from churn.registry.runs import history, resolve_run

    needed = {}
    url = database_url(url)
    path = url.removeprefix("sqlite:///")
    if url != OFF and (path == url or Path(path).exists()):
        with PredictionLog(url) as log:
            needed = dict.fromkeys(log.runs(), "its predictions are in the log")
    promoted = [*history(), *read_history(POLICIES)[0]]
    needed |= {promotion.run: "it was promoted" for promotion in promoted}
    served = os.environ.get("CHURN_RUN")
    if served and served != "champion":
        needed[resolve_run(served)] = "CHURN_RUN names it"
    return needed


def _leftovers(days: int, dry: bool) -> int:
    """Delete partial files in the state folder that are older than `days`; return their bytes."""
    before, freed = time.time() - days * DAY, 0
    for path in _state().rglob("*.partial"):
        if path.is_file() and path.stat().st_mtime < before:
            freed += path.stat().st_size
            if not dry:
                path.unlink(missing_ok=True)
    return freed


def _state() -> Path:
    """The state folder."""
    from churn.feedback.prediction_log import locations

    return locations(os.environ)[0].parent


def _days(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST:
        return int(text)
    raise argparse.ArgumentTypeError(f"a whole number from 1 to {MOST:,}, not {text!r}")
