"""The call list as a file: its columns, the reasons in words, and how it is written."""

import gzip
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, BinaryIO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pyarrow import fs

from churn.campaign.benefit import MONEY
from churn.campaign.list_policy import ListPolicy
from churn.campaign.settings import Campaign
from churn.campaign.spreadsheet import neutralise
from churn.data import rejected as rejected_rows
from churn.data.contract import Contract, label
from churn.data.values import Record
from churn.errors import ChurnError
from churn.files import atomic_write
from churn.scoring.deployment import Deployment
from churn.scoring.explanations import MIN_CONTRIBUTION, Contribution, Counterfactual
from churn.words import plural

REASONS = 3


# The columns of a list whose campaign names its actions.
ACTION_COLUMNS = (
    "assigned_action", "policy_action", "offer", "channel", "eligible_actions",
)  # fmt: skip


def list_schema(id_name: str, named: bool = False) -> pa.Schema:
    """The columns of a call list.

    The customer's key; `arm` (contact, control, or none); `probability` of leaving, calibrated.

    In money: `value_at_risk`, that probability of the customer's value; `net_benefit`, what a call
    brings on average (see `churn.campaign.list_policy.ListPolicy`), and the ends of its 95 %
    interval (costs, acceptance and value are taken as known); `call_cost`, what a call costs on
    average; `benefit_by_risk`, the net benefit where the list goes by risk.

    The features that raise the risk most, or first why a call helps; the change by the business
    that would lower the risk most.

    Where the campaign names its actions: `assigned_action`, or control; `policy_action`, the one
    that the policy prefers (empty in the exploration); its `offer` and `channel`; and
    `eligible_actions`, everything that might have been drawn, each with its probability.

    The `stratum` within which the arm was drawn (list, or exploration, see
    `churn.campaign.exploration`), the probability of that arm or action there, and how many
    customers of the stratum the row stands for; the campaign, the policy (risk or effect) and the
    run that it comes from, the run of the model, and the day.
    """
    return pa.schema(
        [
            (id_name, pa.string()),
            ("arm", pa.string()),
            ("probability", pa.float64()),
            *((name, pa.float64()) for name in MONEY),
            ("benefit_by_risk", pa.float64()),
            *((f"reason_{number}", pa.string()) for number in range(1, REASONS + 1)),
            ("action", pa.string()),
            ("stratum", pa.string()),
            ("propensity", pa.float64()),
            ("weight", pa.float64()),
            ("campaign", pa.string()),
            ("policy", pa.string()),
            ("policy_version", pa.string()),
            ("run", pa.string()),
            ("as_of", pa.date32()),
            *((name, pa.string()) for name in ACTION_COLUMNS if named),
        ]
    )


def list_table(
    columns: Mapping[str, Any], id_name: str, campaign: Campaign, policy: ListPolicy
) -> pa.Table:
    """A call list: its columns by name, null where they are not given."""
    schema = list_schema(id_name, policy.actions.named)
    of_all = {
        "campaign": campaign.campaign, "policy": policy.name, "policy_version": policy.version,
        "run": policy.run, "as_of": campaign.as_of,
    }  # fmt: skip
    rows = len(columns[id_name])
    rest = {
        field.name: pa.repeat(pa.scalar(of_all.get(field.name), field.type), rows)
        for field in schema
        if field.name not in columns
    }
    return pa.table({**columns, **rest}, schema=schema)


def explain(
    deployment: Deployment, customers: pd.DataFrame, helps: Sequence[str | None]
) -> tuple[list[list[str | None]], list[str | None]]:
    """The reasons and the best action, by the compiled model; see `churn.scoring.explanations`.

    Parameters
    ----------
    helps : sequence of str or None
        Why a call helps each customer, which comes first; None where the list goes by risk.

    Returns
    -------
    reasons : list of list of str or None
        For each customer the `REASONS` features that raise the risk most; None where fewer do.
    actions : list of str or None
        The single change by the business after which the risk would be lowest.
    """
    scorer, contract, explainer = deployment.scorer, deployment.contract, deployment.explainer
    reasons: list[list[str | None]] = []
    actions: list[str | None] = []
    rows = customers[list(contract.features)].astype(object).to_dict("records")
    for record, why in zip(cast("list[Record]", rows), helps, strict=True):
        found = explainer.explain(scorer, record)
        raising: list[str | None] = [] if why is None else [why]
        raising += [
            contribution_text(contract, one)
            for one in found
            if one.contribution >= MIN_CONTRIBUTION
        ]
        reasons.append([*raising[:REASONS], *[None] * (REASONS - len(raising))])
        change = explainer.best_change(scorer, record)
        actions.append(
            counterfactual_text(contract, change, record, scorer(record)) if change else None
        )
    return reasons, actions


def contribution_text(contract: Contract, reason: Contribution) -> str:
    """A feature's contribution to the risk, in words, in points of probability."""
    say = contract.features[reason.feature].say
    return (
        f"{label(reason.feature)}: {say(reason.value)} rather than {say(reason.typical)} "
        f"({100 * reason.contribution:+.1f} points)"
    )


def counterfactual_text(
    contract: Contract, change: Counterfactual, record: Record, risk: float
) -> str:
    """Another value of a feature, in words, and the risk with it, all else being equal."""
    say = contract.features[change.feature].say
    return (
        f"{label(change.feature)}: {say(change.value)} instead of {say(record[change.feature])} "
        f"(risk {change.probability:.1%} instead of {risk:.1%})"
    )


def locate(path: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path, local or `s3://`, and the path in it."""
    if path.startswith("s3://"):
        filesystem, path = fs.FileSystem.from_uri(path)
        return filesystem, path
    return fs.LocalFileSystem(), path


def write_list(tables: Iterable[pa.Table], path: str) -> None:
    """Write tables with the same columns to one CSV or Parquet file, by its ending.

    The write is atomic: a reader finds the old file or the whole new one.

    Parameters
    ----------
    path : str
        Local, or `s3://`; `.csv`, `.csv.gz` or `.parquet`.

    Raises
    ------
    ChurnError
        If it cannot be written.
    """
    try:
        filesystem, path = locate(path)
        if isinstance(filesystem, fs.LocalFileSystem):
            with atomic_write(path) as file:
                _write(iter(tables), file, path)
        else:
            _upload(iter(tables), filesystem, path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise ChurnError(f"The list cannot be written to {path}:", [reason]) from error


def _upload(tables: Iterator[pa.Table], filesystem: fs.FileSystem, path: str) -> None:
    folder, name = os.path.split(path)
    # A hidden file, which readers of a folder of tables ignore.
    unfinished = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        with filesystem.open_output_stream(unfinished, compression=None) as file:
            _write(tables, file, path)
        filesystem.move(unfinished, path)
    except BaseException:
        if filesystem.get_file_info(unfinished).type != fs.FileType.NotFound:
            filesystem.delete_file(unfinished)
        raise


def _write(tables: Iterator[pa.Table], file: BinaryIO | gzip.GzipFile, path: str) -> None:
    name = path.lower()
    if name.endswith(".gz"):
        # Without a name and a time, so that the same list has the same bytes.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            _write(tables, packed, path[: -len(".gz")])
        return
    first, parquet = next(tables), name.endswith(".parquet")
    make = pyarrow.parquet.ParquetWriter if parquet else pyarrow.csv.CSVWriter
    with make(file, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table if parquet else neutralise(table))


def write_rejected(rejected: pd.DataFrame, total: int, output: str) -> str:
    """Write the rejected rows next to the list: `calls.rejected.csv` for `calls.csv`.

    Returns
    -------
    str
        How many and where, in a sentence; empty where no row is rejected.
    """
    if not total:
        return ""
    if output.startswith("s3://"):
        rows = plural(total, "row is", "rows are")
        return f"{rows} rejected, and in the run's artifact `call_list`."
    stem = output
    for ending in (".gz", ".csv", ".parquet"):
        stem = stem.removesuffix(ending)
    texts = rejected.astype("str").reset_index(drop=True)
    safe = neutralise(pa.Table.from_pandas(texts, preserve_index=False).cast(_texts(texts)))
    written = safe.to_pandas().set_axis(rejected.index)
    return rejected_rows.write_rejected(written, f"{stem}.rejected.csv", total=total)


def _texts(frame: pd.DataFrame) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in frame.columns])
