"""Check a compiled workflow template against Argo Workflows' published schema.

The models of Hera are generated from it.

    python schema.py workflow.json
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def problems(workflow: dict[str, Any]) -> list[str]:
    """What the schema does not allow; null stands for a field that is left out."""
    from hera.workflows.models import WorkflowTemplate
    from pydantic import ValidationError

    given = _present(workflow)
    try:
        known = WorkflowTemplate.model_validate(given)
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return list(_unknown(given, known.model_dump(by_alias=True, exclude_unset=True, mode="json")))


def _unknown(given: Any, known: Any, where: str = "") -> Iterator[str]:
    """The fields that the models have left out, as they do with those that they do not know."""
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key not in known:
                yield f"{where}.{key}: an unknown field"
            yield from _unknown(value, known.get(key), f"{where}.{key}")
    elif isinstance(given, list) and isinstance(known, list):
        for place, (one, other) in enumerate(zip(given, known, strict=False)):
            yield from _unknown(one, other, f"{where}[{place}]")


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _present(each) for key, each in value.items() if each is not None}
    return [_present(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit("\n".join(problems(json.loads(Path(sys.argv[1]).read_text()))[:20]) or 0)
