"""What the project needs of Metaflow beyond its documented interface, and nowhere else.

Each function names the part that an upgrade may change; `tests/test_metaflow_compat.py` fails with
that name when it does.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from churn.errors import ChurnError
from churn.folders import own_folder
from churn.home import STORE, home, use_home
from churn.metaflow_service import limit_requests

if TYPE_CHECKING:
    from metaflow import FlowSpec, Parameter, Run, Task

CACHE = "METAFLOW_CLIENT_CACHE_PATH"
ARGO_COMMAND = "argo-workflows"
# The exit code of a task that must not be retried: `metaflow.exception` has the number, too.
NO_RETRY = 202


def use_own_cache() -> None:
    """Keep runs at home, and the client's cache in a folder that only this user can write to.

    Metaflow's default is `/tmp/metaflow_client`, the same for all users of a machine: the user who
    makes it first decides which pickles the others load. To be called before Metaflow is
    imported, which reads the setting then; a process whose environment names a folder keeps it,
    once that is checked too.

    Raises
    ------
    ChurnError
        See `churn.folders.own_folder`.
    """
    use_home()
    os.environ[CACHE] = str(own_folder(os.environ.get(CACHE) or _cache_folder()))


def _cache_folder() -> Path:
    """In the user's cache; without a home to write to, in the folder of temporary files."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(root):
        try:
            os.makedirs(root, mode=0o700, exist_ok=True)
        except OSError:
            pass  # no home, as in many containers
        else:
            if os.access(root, os.W_OK):
                return Path(root, "churn", "metaflow")
    return own_folder(Path(tempfile.gettempdir(), f"churn-{os.geteuid()}")) / "metaflow"


def client() -> ModuleType:
    """The module `metaflow`, with the runs of all users in sight.

    Raises
    ------
    ChurnError
        See `use_own_cache`; where Metaflow was imported before, of the folder that it uses.
    """
    if "metaflow" not in sys.modules:
        use_own_cache()
    import metaflow
    from metaflow.metaflow_config import CLIENT_CACHE_PATH

    own_folder(CLIENT_CACHE_PATH)
    limit_requests()
    metaflow.namespace(None)  # every user's runs, so that no user name is needed
    return metaflow


@contextmanager
def translate_errors(summary: str) -> Iterator[None]:
    """Turn an error of Metaflow's client into a ChurnError with `summary` and the reason."""
    client()
    from metaflow.exception import MetaflowException

    try:
        yield
    except ChurnError:
        raise
    # An empty file of metadata is a ValueError, one that lacks an entry a KeyError.
    except (MetaflowException, OSError, ValueError, KeyError, TypeError) as error:
        raise ChurnError(summary, [f"{type(error).__name__}: {error}"]) from error


def local_store() -> Path | None:
    """The folder of the local metadata provider; None where another one is in use.

    Uses `metaflow.plugins.datastores.local_storage.LocalStorage.datastore_root`, which is None
    until the client has read something.
    """
    if not client().get_metadata().startswith("local@"):
        return None
    from metaflow.plugins.datastores.local_storage import LocalStorage

    root = LocalStorage.datastore_root or LocalStorage.get_datastore_root_from_config(_silent)
    return Path(str(root))


def datastore_type(flow: "FlowSpec") -> str:
    """Where a flow stores the artifacts of the task that runs: `local`, `s3`, …

    Uses `FlowSpec._datastore`, a `metaflow.datastore.TaskDataStore`, and its `TYPE`.
    """
    store: Any = flow._datastore
    return str(store.TYPE)


def table_folder(flow: "FlowSpec") -> str:
    """Where tables are copied that tasks cannot read where they lie; see `churn.data.conversion`.

    With a local datastore it is beside the state of the project, else in the datastore. Uses
    `FlowSpec._datastore.parent_datastore.datastore_root`.
    """
    if datastore_type(flow) == "local":
        return str(Path(os.environ.get("CHURN_STATE") or home() / ".churn") / "tables")
    store: Any = flow._datastore
    return f"{store.parent_datastore.datastore_root.rstrip('/')}/churn-tables"


def _silent(*_texts: object) -> None:
    """Metaflow's parameter for printing, which prints nothing."""


def failed_step(run: "Run") -> str | None:
    """The step of a `metaflow.Run` in which a task failed; None while nothing has failed.

    The client has no method for it; each attempt records its result in the metadata as
    `attempt_ok`.
    """
    failed = (
        step.id
        for step in run
        if any(task.metadata_dict.get("attempt_ok") == "False" for task in step)
    )
    return next(failed, None)


def read_artifact(task: "Task", name: str) -> bytes:
    """The bytes of an artifact of a `metaflow.Task` as they were stored, a pickle, not unpickled.

    The client unpickles whatever it reads. Uses `_object` of `metaflow.client.DataArtifact`, with
    the keys `ds_type`, `location`, `sha` and `content_type`, and
    `metaflow.datastore.FlowDataStore.load_data`; the client's own cache is bypassed.

    Raises
    ------
    KeyError
        If the task has no such artifact.
    ChurnError
        If it is not stored as a pickle, or its bytes are not those that were stored.
    """
    from metaflow.datastore import FlowDataStore
    from metaflow.plugins import DATASTORES

    artifact = task[name]
    stored, flow = artifact._object, artifact.path_components[0]
    if "pickle-v" not in stored["content_type"]:
        problem = f"{artifact.pathspec} is stored as {stored['content_type']}"
        raise ChurnError("An artifact cannot be read:", [problem])
    (storage,) = (one for one in DATASTORES if stored["ds_type"] == one.TYPE)
    location = stored["location"]
    if location.startswith(":root:"):
        root = location.removeprefix(":root:")
    else:
        root = storage.get_datastore_root_from_location(location, flow)
    store = FlowDataStore(flow, environment=None, storage_impl=storage, ds_root=root)
    content: bytes
    ((_, content),) = store.load_data([stored["sha"]])
    if hashlib.sha1(content).hexdigest() != stored["sha"]:
        problem = f"{artifact.pathspec} is not what was stored: its SHA-1 is another one"
        raise ChurnError("An artifact cannot be read:", [problem])
    return content


def datastore_options(task: "Task") -> list[str]:
    """The options by which a flow stores its artifacts where a `metaflow.Task` has them.

    Uses `ds-type` and `ds-root` of the task's metadata.
    """
    found = task.metadata_dict
    options = ["--datastore", found["ds-type"]]
    if found["ds-type"] != "local":
        options += ["--datastore-root", found["ds-root"]]
    return options


def _keep_cards_with_runs() -> None:
    """Write the cards of local runs where the client looks for them, next to their store.

    Uses `CardDatastore.get_storage_root`, which looks for a store upward from the working
    directory, and, with METAFLOW_CARD_LOCALROOT set, returns nothing.
    """
    from metaflow.plugins.cards.card_datastore import CardDatastore

    other: Callable[[str], str | None] = CardDatastore.get_storage_root
    folder = os.path.join(os.environ[STORE], ".metaflow", "mf.cards")

    def storage_root(kind: str) -> str | None:
        return folder if kind == "local" else other(kind)

    setattr(CardDatastore, "get_storage_root", staticmethod(storage_root))  # noqa: B010


class Console(Protocol):
    """What Metaflow prints by, see `run_flow`."""

    def logger(self, body: str = "", **options: object) -> None:
        """Print a line of a run."""

    def echo(self, line: str, **options: object) -> None:
        """Print a line of the command itself."""


def run_flow(
    flow: "type[FlowSpec]", entrypoint: list[str] | None = None, console: Console | None = None
) -> None:
    """Run a flow as `flow()` does in a script, and let errors through.

    Uses `metaflow.cli.main`, which has a parameter for how a task is started,
    `metaflow.parameters.flow_context`, within which the command line of a flow is made, and
    `metaflow.cli.logger` and `metaflow.cli.echo_always`, by which Metaflow prints.

    Parameters
    ----------
    flow : type
        A FlowSpec.
    entrypoint : list of str, optional
        The command that starts a task, without its arguments; by default Metaflow's own.
    console : Console, optional
        Metaflow prints by its methods instead.

    Raises
    ------
    MetaflowException
        An error that Metaflow reports to its users without a traceback.
    """
    from metaflow import parameters

    _keep_cards_with_runs()
    _package_whole_library()
    limit_requests()
    if ARGO_COMMAND in sys.argv:
        _retry_what_may_pass()
    with parameters.flow_context(flow):
        from metaflow import cli  # it reads the flow's Configs when it is imported

        if console is not None:
            printers = {"logger": console.logger, "echo_always": console.echo}
            vars(cli).update(printers)
        cli.main(flow(use_cli=False), entrypoint=entrypoint, handle_exceptions=False)


def _package_whole_library() -> None:
    """Put every file of `churn` into code packages.

    Metaflow packages a library that is installed by its list of files. That list of an editable
    install is as old as the install: a newer module would be missing in a pod, and one that was
    deleted since is an error. Uses `metaflow.packaging_sys.v1.modules_to_distributions`.
    """
    from metaflow.packaging_sys import v1

    installed = v1.modules_to_distributions
    vars(v1)["modules_to_distributions"] = lambda: {
        name: found for name, found in installed().items() if name != "churn"
    }


def _retry_what_may_pass() -> None:
    """Compile retries for Argo Workflows that leave out a task whose exit code forbids another.

    Metaflow's own runtime looks at that code, `METAFLOW_EXIT_DISALLOW_RETRY`; the workflows that it
    compiles retry every failure. Uses `retry_strategy` of `Template` in
    `metaflow.plugins.argo.argo_workflows`.
    """
    from metaflow.plugins.argo import argo_workflows

    template: Any = argo_workflows.Template
    built = template.retry_strategy

    def retry_strategy(self: Any, times: int, minutes_between_retries: int) -> Any:
        built(self, times, minutes_between_retries)
        if strategy := self.payload.get("retryStrategy"):
            strategy["expression"] = f"asInt(lastRetry.exitCode) != {NO_RETRY}"
        return self

    template.retry_strategy = retry_strategy


def on_argo() -> bool:
    """Whether this process is a task that Argo Workflows has started."""
    return "ARGO_WORKFLOW_NAME" in os.environ


def start_workflow(name: str, parameters: dict[str, Any]) -> str:
    """Start a workflow of a flow that is deployed on Argo Workflows.

    Uses `metaflow.plugins.argo.argo_workflows.ArgoWorkflows.trigger`.

    Parameters
    ----------
    name : str
        Of the workflow template: the flow's, in lower case.
    parameters : dict
        By the names of the flow's parameters.

    Returns
    -------
    str
        The name of the workflow; its run is `argo-<name>`.

    Raises
    ------
    ChurnError
        If there is no such template, or it cannot be started.
    """
    with translate_errors(f"The workflow {name} cannot be started:"):
        from metaflow.plugins.argo.argo_workflows import ArgoWorkflows

        started = ArgoWorkflows.trigger(name, parameters)
        return str(started["metadata"]["name"])


def with_default(parameter: "Parameter", value: object) -> "Parameter":
    """The same parameter of a flow, with another default: as text where the old one is.

    Uses `kwargs` and `_override_kwargs` of `metaflow.Parameter`, its options.
    """
    from metaflow import Parameter

    given = {k: v for k, v in parameter._override_kwargs.items() if v is not None}
    options: dict[str, Any] = parameter.kwargs | given
    is_text = isinstance(options.get("default"), str)
    options["default"] = str(value) if is_text else value
    return Parameter(parameter.name, **options)


def packaged_commit() -> str | None:
    """The commit that the code package of this task was made from; None where there is no package.

    Metaflow records it in the package's information file; see `metaflow.meta_files.read_info_file`.
    """
    from metaflow.meta_files import read_info_file

    info = read_info_file() or {}
    commit: str | None = info.get("commit_sha")
    return commit and commit + ("+" if info.get("has_uncommitted_changes") else "")
