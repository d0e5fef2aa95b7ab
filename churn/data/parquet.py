"""Parquet: files of one table as one dataset, and its columns as pandas has them.

pandas' own metadata (which column is the index) is ignored, so that a table has the same columns in
training as in scoring.
"""

import re
from collections.abc import Collection

import pandas as pd
import pyarrow as pa
import pyarrow.dataset
from pyarrow import fs

from churn.data.mixed_cells import decode, is_mixed
from churn.errors import ChurnError

__all__ = ["open_dataset", "to_frame"]

_FOLDER = re.compile(r"([^/=]+)=[^/]*")
_INDEX = re.compile(r"__index_level_\d+__")


def open_dataset(
    path: str, filesystem: fs.FileSystem | None = None
) -> tuple[pyarrow.dataset.FileSystemDataset, list[str]]:
    """Open a Parquet file or a folder of them.

    Folders like `region=01` are a column of text, which keeps the zero. Files with different
    columns are read as one table that has all of them; a column that is integer in one file and
    floating point in another becomes floating point.

    Returns
    -------
    FileSystemDataset, and notes for the user
    """
    one = pyarrow.dataset.dataset(path, filesystem=filesystem, format="parquet")
    base = path.rstrip("/")
    folders = dict.fromkeys(
        name
        for file in one.files
        for name in _FOLDER.findall(file[len(base) :] if file.startswith(base) else "")
    )
    fields = pa.schema([(name, pa.string()) for name in folders])
    schemas = [fragment.physical_schema for fragment in one.get_fragments()]
    notes = []
    if not schemas:
        raise ChurnError("", ["it has no rows"])
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowException, ValueError) as error:
        raise ChurnError("", [f"its files differ: {str(error).splitlines()[0]}"]) from error
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if nested:
        notes.append(f"columns of lists or records are not read: {', '.join(nested)}")
    index = [name for name in schema.names if _INDEX.fullmatch(name)]
    if index:
        notes.append(f"the index that pandas numbered is not read: {', '.join(index)}")
    changed = sum(other.remove_metadata() != schema.remove_metadata() for other in schemas)
    if changed:
        notes.append(f"{changed} of {len(schemas)} files have other columns or types than all have")
    gone = {*nested, *index, *folders}
    schema = pa.schema([field for field in schema if field.name not in gone])
    partitioning = pyarrow.dataset.partitioning(fields, flavor="hive") if folders else None
    dataset = pyarrow.dataset.dataset(
        path,
        schema=pa.schema([*schema, *fields]),
        filesystem=filesystem,
        format="parquet",
        partitioning=partitioning,
    )
    return dataset, notes


def to_frame(table: pa.Table, with_missing: Collection[str] = ()) -> pd.DataFrame:
    """A table as a frame; whole numbers stay whole where some are missing.

    Parameters
    ----------
    table : pa.Table
    with_missing : collection of str
        Columns that have missing cells in other rows: the dtype of a part is that of the whole.

    Raises
    ------
    ChurnError
        If two columns have one name.
    """
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise ChurnError("", [f"{name}: two columns have this name" for name in twice])
    columns = {
        field.name: _to_series(field, column, column.null_count > 0 or field.name in with_missing)
        for field, column in zip(table.schema, table.columns, strict=True)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)), copy=False)


def _to_series(field: pa.Field, column: pa.ChunkedArray, missing: bool) -> pd.Series:
    if is_mixed(field):
        return decode(column)
    series: pd.Series = column.to_pandas(types_mapper=_NULLABLE.get if missing else None)
    # pandas has no missing bool but an object.
    return series.astype(object) if missing and pa.types.is_boolean(field.type) else series


_NULLABLE = {
    pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(),
}  # fmt: skip
