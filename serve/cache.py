"""Models on the local disk, which are served when the datastore cannot be reached.

A model is a document of plain values, as JSON: the first line is the document without the steps of
its program, every other line a step, so that parsing does not block other threads for long.
"""

import hashlib
import json
from pathlib import Path

from churn.errors import ChurnError
from churn.files import write_file
from churn.folders import own_folder
from churn.scoring.deployment import Deployment

KEPT = 5
SUFFIX = ".jsonl"


def load_model(path: Path, digest: str) -> Deployment:
    """Read a model, and verify that it is the one that was written.

    Parameters
    ----------
    path : Path
    digest : str
        SHA-256 of the file, in hex.

    Raises
    ------
    ChurnError
        If there is no such file, or it has been changed; see `Deployment.from_document` too.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ChurnError("A model cannot be read from the cache:", [str(error)]) from error
    if hashlib.sha256(content).hexdigest() != digest:
        changed = f"{path}: it is not what was written there; delete it"
        raise ChurnError("A model cannot be read from the cache:", [changed])
    document, *steps = map(json.loads, content.splitlines())
    document["scorer"]["program"] = {"steps": steps}
    return Deployment.from_document(document)


def _as_lines(deployment: Deployment) -> bytes:
    document = deployment.to_document()
    steps = document["scorer"].pop("program")["steps"]
    return "".join(json.dumps(part) + "\n" for part in (document, *steps)).encode()


class Cache:
    """The last model for each name, a run or `champion`.

    Parameters
    ----------
    folder : Path
        Created if it does not exist, for its owner alone; a folder of another user is refused.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        own_folder(folder)

    def put(self, asked: str, deployment: Deployment) -> tuple[str, Path]:
        """Store a model as the current one of the name `asked`; its digest and path."""
        content = _as_lines(deployment)
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / f"{digest}{SUFFIX}"
        write_file(path, content)
        entry = {"asked": asked, "run": deployment.run, "digest": digest}
        write_file(self._index(asked), json.dumps(entry))
        self._forget()
        return digest, path

    def last(self, asked: str) -> tuple[str, str, Path] | None:
        """The last model of the name `asked`: its run, digest and path."""
        try:
            entry = json.loads(self._index(asked).read_bytes())
        except FileNotFoundError:
            return None
        return entry["run"], entry["digest"], self.folder / f"{entry['digest']}{SUFFIX}"

    def _index(self, asked: str) -> Path:
        return self.folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.json"

    def _forget(self) -> None:
        """Delete former models except the latest, which another server may be about to read."""
        models = sorted(self.folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        indexes = self.folder.glob("*.json")
        current = {json.loads(index.read_bytes())["digest"] for index in indexes}
        for path in models[:-KEPT]:
            if path.stem not in current:
                path.unlink(missing_ok=True)
