"""A day's call list as rows of the database, with the contact details that are kept."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import numpy as np
import pandas as pd
import pyarrow as pa

from churn.campaign.call_list import CallList, describe_list
from churn.campaign.control_group import CONTROL
from churn.campaign.export import REASONS
from churn.campaign.settings import Campaign
from churn.campaign.shards import Shard, Source
from churn.campaign.stored.entries import ListedCustomer, StoredList
from churn.campaign.stored.store import CallListStore
from churn.data.contract import Contract
from churn.data.ids import id_text
from churn.feedback.prediction_log import OFF, database_url
from churn.words import names, plural


def list_name(campaign: Campaign) -> str:
    """The id of a campaign's list of a day: of the same day and campaign there is one list."""
    name = blake2b(campaign.campaign.encode(), digest_size=4).hexdigest()
    return f"{campaign.as_of:%Y%m%d}-{name}"


def kept_names(contract: Contract, given: str, segment: str = "") -> list[str]:
    """The columns of a table that go onto its list beside what scoring finds.

    Parameters
    ----------
    contract : Contract
    given : str
        Names separated by commas, which are taken instead of the contract's `keep`; `off` for none.
    segment : str
        The column that groups the list, if there is one.
    """
    given = given.strip()
    kept = [] if given == OFF else names(given) or contract.keep
    return list(dict.fromkeys([*kept, *names(segment)]))


def kept_columns(
    source: Source, shards: Sequence[Shard], rows: np.ndarray, columns: Sequence[str]
) -> pd.DataFrame:
    """Columns of some rows of a table, as text.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Row numbers in the table, from 1; see `CallList.rows`.
    columns : sequence of str

    Returns
    -------
    DataFrame, n rows
        The columns as str, None where a cell is missing; in the order of `rows`.
    """
    wanted, found = np.sort(rows), [pd.DataFrame({name: [] for name in columns}, dtype=object)]
    for shard in shards if columns and len(rows) else ():
        inside = (wanted >= shard.first) & (wanted < shard.first + shard.rows)
        if not inside.any():
            continue
        for first, batch in source.chunks(shard, list(columns)):
            end = first + len(batch)
            some = wanted[(wanted >= first) & (wanted < end)]
            if len(some):
                found.append(_texts(batch, some, first))
    return pd.concat(found).reindex(rows)


def _texts(batch: pd.DataFrame | pa.RecordBatch, rows: np.ndarray, first: int) -> pd.DataFrame:
    places = rows - first
    if isinstance(batch, pd.DataFrame):
        cells = {name: batch[name].iloc[places].tolist() for name in batch}
    else:
        cells = batch.take(pa.array(places)).to_pydict()
    texts = {name: [id_text(cell) for cell in column] for name, column in cells.items()}
    return pd.DataFrame(texts, index=rows, dtype=object)


def store_list(
    found: CallList, contract: Contract, campaign: Campaign, run: str, url: str,
    kept: pd.DataFrame, *, currency: str = "", segment: str = "", agents: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:  # fmt: skip
    """Write a call list to the database of the prediction log, where the app shows it.

    Parameters
    ----------
    run : str
        The model's.
    url : str
        See `PredictionLog`; where it is empty, the one that the environment names. `off`: none.
    kept : DataFrame
        Contact details, see `kept_columns`; with the segment, if there is one.
    segment : str
        A column of `kept` that is the segment and no contact detail.
    agents : sequence of str
        They get the customers to be called in turn.
    notes : sequence of str
        What the list says about itself.

    Returns
    -------
    str
        Where it is, in a sentence.
    """
    url = database_url(url)
    if url == OFF:
        return "The list is in no database: the app does not show it."
    header = StoredList(
        list_id=list_name(campaign), created_at=datetime.now(UTC), as_of=campaign.as_of,
        campaign=campaign.campaign, run=run, policy=found.policy.name,
        policy_version=found.policy.version, currency=currency,
        key=found.calls.column_names[0], counts=found.counts, expected=found.expected,
        notes=[*describe_list(contract), *notes],
    )  # fmt: skip
    with CallListStore(url) as store:
        store.add(header, listed_customers(found, header.list_id, kept, segment, agents))
        listed = plural(len(found.calls), "customer is", "customers are")
        details = f" with {', '.join(map(str, kept.columns))}," if len(kept.columns) else ""
        return (
            f"{listed} on the list {header.list_id}{details} in {store.where}, which the app shows."
        )


def listed_customers(
    found: CallList, name: str, kept: pd.DataFrame, segment: str, agents: Sequence[str]
) -> Iterator[ListedCustomer]:
    """The customers of a list as rows of the database; see `store_list`."""
    contacts = kept.drop(columns=segment) if segment else kept
    details = list(contacts.to_dict("index").values())
    segments = kept[segment].tolist() if segment else [None] * len(found.rows)
    key, turn = found.calls.column_names[0], 0
    for place, row in enumerate(found.calls.to_pylist()):
        control = row["arm"] == CONTROL
        agent = None
        if agents and not control:
            agent, turn = agents[turn % len(agents)], turn + 1
        yield ListedCustomer(
            list_id=name, customer=row[key], rank=place + 1, control=control,
            stratum=row["stratum"],
            eligible=found.options[place],
            action=row.get("assigned_action") or row["arm"],
            propensity=row["propensity"], weight=row["weight"], call_cost=row["call_cost"],
            benefit_by_risk=row["benefit_by_risk"],
            features=found.features[place],
            probability=row["probability"], value_at_risk=row["value_at_risk"],
            net_benefit=row["net_benefit"], net_benefit_low=row["net_benefit_low"],
            net_benefit_high=row["net_benefit_high"],
            reasons=[row[f"reason_{i + 1}"] for i in range(REASONS) if row[f"reason_{i + 1}"]],
            best_action=row["action"], segment=segments[place],
            contact={str(k): v for k, v in details[place].items() if v is not None}, agent=agent,
        )  # fmt: skip
