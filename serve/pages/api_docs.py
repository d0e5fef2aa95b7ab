"""The OpenAPI document as what a person reads: operations, tables of fields, examples.

It reads what `serve.openapi` and Pydantic write, not all that OpenAPI allows.
"""

import json
import shlex
from collections.abc import Iterator, Mapping

KEY = "$CHURN_KEY"
WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}


def operations(spec: Mapping, url: str, known: Mapping) -> list[dict]:
    """What can be asked, in the order of the document.

    Parameters
    ----------
    spec : mapping
        The document.
    url : str
        Where the app answers.
    known : mapping of str to value
        Examples for fields, by their names.
    """
    return [
        _operation(spec, url, known, path, method, said)
        for path, item in spec["paths"].items()
        for method, said in item.items()
    ]


def schemas(spec: Mapping) -> list[dict]:
    """The objects that have a name, each with its fields: first what is sent, then the others."""
    named = spec["components"]["schemas"]
    sent = [said.get("requestBody") for item in spec["paths"].values() for said in item.values()]
    text = json.dumps(sent)
    return [
        {
            "name": name,
            "description": named[name].get("description"),
            "fields": list(_fields(named[name])),
        }
        for name in sorted(named, key=lambda name: f'/{name}"' not in text)
    ]


def _operation(spec, url, known, path, method, said) -> dict:
    medium, sent = _content(said.get("requestBody", {}))
    header = _key_header(spec, said)
    return {
        "anchor": f"{method}{path}".replace("/", "-"),
        "method": method.upper(),
        "path": path,
        "summary": said["summary"],
        "key": header,
        "parameters": [
            {
                "name": one["name"],
                "where": one["in"],
                "required": one.get("required", False),
                "description": one["description"],
                **_say(one["schema"]),
            }
            for one in said["parameters"]
        ],
        "body": medium and {"medium": medium, **_whole(sent)},
        "responses": [
            {
                "status": status,
                "description": one["description"],
                "medium": _content(one)[0],
                "whole": _whole(_content(one)[1]),
            }
            for status, one in said["responses"].items()
        ],
        "curl": _curl(url + path, header, medium, medium and _example(spec, sent, known)),
    }


def _content(said: Mapping) -> tuple[str | None, Mapping]:
    """The media type of a body, and its schema."""
    for medium, content in said.get("content", {}).items():
        return medium, content["schema"]
    return None, {}


def _key_header(spec, said) -> str | None:
    """The header for the API key, where an operation wants one."""
    for wanted in said.get("security", ()):
        for name in wanted:
            return spec["components"]["securitySchemes"][name]["name"]
    return None


def _whole(schema: Mapping) -> dict:
    """What is sent or answered, with its fields where it has no name of its own."""
    return {**_say(schema), "fields": list(_fields(schema))}


def _fields(schema: Mapping) -> Iterator[dict]:
    for name, one in schema.get("properties", {}).items():
        yield {
            "name": name,
            "required": name in schema.get("required", ()),
            "description": one.get("description"),
            **_say(one),
        }


def _say(schema: Mapping) -> dict:
    """What a value may be: `kinds`, with the names of schemas; `limits`; and `choices`."""
    parts = [_say(one) for one in schema.get("anyOf", ())]
    limits = [_limits(schema), *(part["limits"] for part in parts)]
    return {
        "kinds": [kind for part in parts for kind in part["kinds"]] or _kinds(schema),
        "limits": ", ".join(filter(None, limits)),
        "choices": [
            *(json.dumps(choice, ensure_ascii=False) for choice in _choices(schema)),
            *(choice for part in parts for choice in part["choices"]),
        ],
    }


def _kinds(schema: Mapping) -> list[dict]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return [{"words": name, "schema": name}]
    if _choices(schema):
        return [{"words": "one of", "schema": None}]
    if "items" in schema:
        inner = _say(schema["items"])["kinds"]
        return [kind | {"words": f"list of {kind['words']}"} for kind in inner]
    types = schema.get("type", "anything")
    types = [types] if isinstance(types, str) else types
    return [{"words": WORDS.get(one, one), "schema": None} for one in types]


def _choices(schema: Mapping) -> list:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _limits(schema: Mapping) -> str:
    words = [
        _between(schema.get("minimum"), schema.get("maximum")),
        _between(schema.get("minLength"), schema.get("maxLength"), " characters"),
        _between(schema.get("minItems"), schema.get("maxItems"), " entries"),
    ]
    if "default" in schema:
        words.append(f"{json.dumps(schema['default'])} unless said")
    return ", ".join(filter(None, words))


def _between(low: float | None, high: float | None, unit: str = "") -> str:
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"at most {high:,.15g}{unit}" if low is None else f"at least {low:,.15g}{unit}"
    return f"{low:,.15g} to {high:,.15g}{unit}"


def _curl(url: str, header: str | None, medium: str | None, example) -> str:
    parts = [f"curl {shlex.quote(url)}"]
    if header:
        parts.append(f'-H "{header}: {KEY}"')
    if medium:
        parts.append(f"-H {shlex.quote(f'Content-Type: {medium}')}")
        parts.append(f"-d {shlex.quote(json.dumps(example, ensure_ascii=False, indent=2))}")
    return " \\\n  ".join(parts)


def _example(spec, schema: Mapping, known: Mapping):
    """A value that a schema of a body takes, made of the known ones."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _example(spec, spec["components"]["schemas"][name], known)
    if "items" in schema:
        return [_example(spec, schema["items"], known)]
    if "examples" in schema:
        return schema["examples"][0]
    fields, required = schema["properties"], schema.get("required", ())
    return {
        # A feature may have the name of a field that has nothing to do with it.
        name: known[name] if name in known and "examples" not in one else _example(spec, one, known)
        for name, one in fields.items()
        if name in required or name in known
    }
