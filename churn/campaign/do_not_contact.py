"""The do-not-contact list: customers who are scored and never called."""

import csv
import io

from churn.campaign.export import locate
from churn.campaign.spreadsheet import restore_text
from churn.data.ids import id_text
from churn.errors import ChurnError


def read_ids(path: str) -> tuple[str, ...]:
    """Read a do-not-contact list: a text or CSV file, local or `s3://`, with one id a line.

    Returns
    -------
    tuple of str
        Sorted, each once; none where there is no path.

    Raises
    ------
    ChurnError
        If it cannot be read, or naming the lines with more than an id: nobody is to be called by
        mistake.
    """
    if not path:
        return ()
    try:
        filesystem, inside = locate(path)
        with filesystem.open_input_stream(inside, compression="detect") as stream:
            text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
            lines = list(csv.reader(text, skipinitialspace=True))
    except (OSError, ValueError, csv.Error) as error:
        reason = str(error).strip().splitlines()[0]
        raise ChurnError(f"Cannot read the do-not-contact list {path}:", [reason]) from error
    problems = [
        f"line {number}: {len(line)} cells, where one id is expected"
        for number, line in enumerate(lines, start=1)
        if len(line) > 1
    ]
    if problems:
        raise ChurnError(f"Cannot use the do-not-contact list {path}:", problems)
    ids = {id_text(line[0]) for line in lines if line} - {None}
    # Copied from a call list, an id may be neutralised: both readings are left alone.
    return tuple(sorted(ids | set(map(restore_text, ids))))
