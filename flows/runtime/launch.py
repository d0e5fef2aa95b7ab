"""The environment that every flow needs; import this module before Metaflow.

A flow is started as `python flows/NAME.py`, from any directory, by any user including root, on this
machine or inside a task on a cluster.
"""

import os
import sys
from pathlib import Path

from runtime import console, library_folder, warm

# To make a card Metaflow starts the flow's script again, from within a task. A warm task has
# imported this module before it was forked, and does not run this line.
if warm.ADDRESS in os.environ and "card" in sys.argv:
    sys.exit(warm.client(os.environ[warm.ADDRESS], sys.argv))

sys.path.insert(0, str(library_folder()))
from churn.errors import ChurnError  # Metaflow adds modules imported by now to the code package
from churn.home import home
from churn.metaflow_compat import NO_RETRY, run_flow, use_own_cache
from churn.modeling.own_families import look_in_working_directory
from churn.pods import in_pod

look_in_working_directory()  # the artifacts of a task may be models of a user's own class
try:
    use_own_cache()
except ChurnError as error:
    sys.exit(str(error))

# Metaflow refuses to run for a user without a name, and for root.
_names = (os.environ.get(key) for key in ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"))
if not any(name and name != "root" for name in _names):
    os.environ["METAFLOW_USER"] = "churn"

# Threads of OpenMP that wait sleep; spinning takes a core each from the other tasks and processes.
# A search of one boosting candidate took 83 seconds of CPU on two busy cores, and takes 10.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# The table that ships with the project goes to a cluster with the code.
os.environ.setdefault("METAFLOW_DEFAULT_PACKAGE_SUFFIXES", ".py,.csv,.toml,.css")


# By default Metaflow starts the tasks itself.
_entrypoint: list[str] | None = None
_server: warm.Server | None = None
_verbose = console.take_verbose(sys.argv)


def prepare() -> None:
    """Set the environment of a run; in a script, call it before Metaflow is imported."""
    global _entrypoint, _server
    if not _runs():
        return
    setting = os.environ.get("CHURN_WARM", "1")
    if setting == "1":
        _server = warm.Server()
        _entrypoint = _server.entrypoint
    elif setting != "0":
        _entrypoint = warm.entrypoint_of(setting)
    # One task per core at a time (Metaflow's own default is 16 tasks); each task then
    # bounds its threads, see churn.modeling.cross_validation.
    if "METAFLOW_RUN_MAX_WORKERS" not in os.environ:
        from joblib import cpu_count

        os.environ["METAFLOW_RUN_MAX_WORKERS"] = str(cpu_count())
    os.environ.setdefault("METAFLOW_RESUME_MAX_WORKERS", os.environ["METAFLOW_RUN_MAX_WORKERS"])


def start(flow) -> None:
    """Run a flow as `flow()` does in a script, with warm tasks and a quiet console.

    A ChurnError, which the user can correct, is printed last, without a traceback.
    """
    from metaflow.exception import MetaflowException

    shown, failed = None, True
    if _runs() and not _verbose:
        state = Path(os.environ.get("CHURN_STATE") or home() / ".churn")
        shown = console.Console(flow.__name__, state / "logs")
    try:
        run_flow(flow, _entrypoint, shown)
        failed = False
    except ChurnError as error:
        _explain(error, shown)
        sys.exit(NO_RETRY if in_pod() else 1)  # it would be the same again
    except MetaflowException as error:
        from metaflow.cli import print_metaflow_exception  # not before the flow is known to it

        if shown is None:
            print_metaflow_exception(error)
        elif not shown.error:
            shown.error.append(f"{error.headline}: {error.message}")
        sys.exit(1)
    except SystemExit as stop:  # every command of Metaflow ends with it
        failed = bool(stop.code)
        raise
    finally:
        if shown:
            shown.close(failed)
        if _server:
            _server.close()


def _runs() -> bool:
    return bool({"run", "resume"} & set(sys.argv[1:])) and "--help" not in sys.argv


def _explain(error: ChurnError, shown: console.Console | None) -> None:
    if "step" in sys.argv[1:]:
        console.fail(error)  # in a task: for the console of the run
    elif shown:
        shown.error += str(error).splitlines()
    else:
        print(error, file=sys.stderr)
