"""Whether others can see a promotion: it is a tag in the metadata of a run, and nowhere else.

Metaflow's local metadata is a folder of one machine. A run whose artifacts are on a remote
datastore, or whose tasks are pods, is one that other machines are to find; with local metadata they
do not, and a pod's folder is deleted with the pod.
"""

from typing import Any

from churn.errors import ChurnError
from churn.metaflow_compat import client, datastore_type, local_store
from churn.pods import in_pod

AUTO = "auto"
LOCAL = "local"
UNSEEN = (
    "Metaflow's metadata is local: a promotion is a tag in the metadata, which no other machine "
    "would see. METAFLOW_DEFAULT_METADATA=service and METAFLOW_SERVICE_URL name a metadata service"
)


def check_visible(flow: Any, promote: str) -> None:
    """Refuse a run whose promotion nobody else could see, before anything is trained.

    Parameters
    ----------
    flow : FlowSpec
        In a task.
    promote : str
        Its `--promote`; nothing is checked unless it is `auto`.

    Raises
    ------
    ChurnError
        If the metadata is local, and the datastore is remote or this task is a pod.
    """
    if promote != AUTO or local_store() is None:
        return
    kind = datastore_type(flow)
    where = "its tasks are pods" if in_pod() else _where(kind)
    if in_pod() or kind != LOCAL:
        problem = f"{where}, and {UNSEEN}; --promote never trains without one"
        raise ChurnError("The run cannot start:", [problem])


def check_run_visible(run: str) -> None:
    """Refuse a promotion by hand that nobody else could see.

    Parameters
    ----------
    run : str
        `ChurnFlow/<id>`, of a run that has finished.

    Raises
    ------
    ChurnError
        If the metadata is local, and the artifacts of the run are on a remote datastore.
    """
    if local_store() is None:
        return
    end = client().Run(run).end_task
    kind = LOCAL if end is None else str(end.metadata_dict.get("ds-type", LOCAL))
    if kind != LOCAL:
        raise ChurnError(f"{run} is not promoted:", [f"{_where(kind)}, and {UNSEEN}"])


def _where(kind: str) -> str:
    return f"its artifacts are on the datastore {kind!r}"
