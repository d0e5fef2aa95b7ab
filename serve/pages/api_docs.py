"""The OpenAPI document as a page: operations, tables of fields, examples.

It covers what `serve.openapi` and Pydantic write, not all of OpenAPI.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

# A part of a document of OpenAPI.
Schema = Mapping[str, Any]

KEY = "$CHURN_KEY"
WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}


def operations(spec: Schema, url: str) -> list[dict[str, Any]]:
    """The operations, in the order of the document.

    Parameters
    ----------
    spec : mapping
        The document.
    url : str
        The address of the app, for the examples.
    """
    return [
        _operation(spec, url, path, method, operation)
        for path, item in spec["paths"].items()
        for method, operation in item.items()
    ]


def schemas(spec: Schema) -> list[dict[str, Any]]:
    """The named schemas, each with its fields: first those of requests, then the others."""
    named = spec["components"]["schemas"]
    operations = [one for item in spec["paths"].values() for one in item.values()]
    text = json.dumps([one.get("requestBody") for one in operations])
    return [
        {
            "name": name,
            "description": named[name].get("description"),
            "fields": list(_fields(named[name])),
        }
        for name in sorted(named, key=lambda name: f'/{name}"' not in text)
    ]


def _operation(spec: Schema, url: str, path: str, method: str, operation: Schema) -> dict[str, Any]:
    body = operation.get("requestBody", {})
    medium, schema = _content(body)
    header = _key_header(spec, operation)
    return {
        "anchor": f"{method}{path}".replace("/", "-"),
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "key": header,
        "parameters": [
            {
                "name": one["name"],
                "where": one["in"],
                "required": one.get("required", False),
                "description": one["description"],
                **_describe(one["schema"]),
            }
            for one in operation["parameters"]
        ],
        "body": medium and {"medium": medium, **_with_fields(schema)},
        "responses": [
            {
                "status": status,
                "description": one["description"],
                "medium": _content(one)[0],
                "schema": _with_fields(_content(one)[1]),
            }
            for status, one in operation["responses"].items()
        ],
        "curl": _curl(url + path, header, medium, _example(body)),
    }


def _content(part: Schema) -> tuple[str | None, Schema]:
    """The media type of a request or response, and its schema."""
    for medium, content in part.get("content", {}).items():
        return medium, content["schema"]
    return None, {}


def _example(body: Schema) -> object:
    """The first example of a request; None where it has no body."""
    for content in body.get("content", {}).values():
        return next(iter(content["examples"].values()))["value"]
    return None


def _key_header(spec: Schema, operation: Schema) -> str | None:
    """The header of the API key, if an operation needs one."""
    for requirement in operation.get("security", ()):
        for name in requirement:
            return str(spec["components"]["securitySchemes"][name]["name"])
    return None


def _with_fields(schema: Schema) -> dict[str, Any]:
    """A schema in words, with its fields if it has no name of its own."""
    return {**_describe(schema), "fields": list(_fields(schema))}


def _fields(schema: Schema) -> Iterator[dict[str, Any]]:
    for name, one in schema.get("properties", {}).items():
        yield {
            "name": name,
            "required": name in schema.get("required", ()),
            "description": one.get("description"),
            **_describe(one),
        }


def _describe(schema: Schema) -> dict[str, Any]:
    """The values of a schema: `kinds`, with the names of schemas; `limits`; and `choices`."""
    parts = [_describe(one) for one in schema.get("anyOf", ())]
    limits = [_limits(schema), *(part["limits"] for part in parts)]
    return {
        "kinds": [kind for part in parts for kind in part["kinds"]] or _kinds(schema),
        "limits": ", ".join(filter(None, limits)),
        "choices": [
            *(json.dumps(choice, ensure_ascii=False) for choice in _choices(schema)),
            *(choice for part in parts for choice in part["choices"]),
        ],
    }


def _kinds(schema: Schema) -> list[dict[str, Any]]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return [{"words": name, "schema": name}]
    if _choices(schema):
        return [{"words": "one of", "schema": None}]
    if "items" in schema:
        inner = _describe(schema["items"])["kinds"]
        return [kind | {"words": f"list of {kind['words']}"} for kind in inner]
    types = schema.get("type", "anything")
    types = [types] if isinstance(types, str) else types
    return [{"words": WORDS.get(one, one), "schema": None} for one in types]


def _choices(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _limits(schema: Schema) -> str:
    words = [
        _between(schema.get("minimum"), schema.get("maximum")),
        _between(schema.get("minLength"), schema.get("maxLength"), " characters"),
        _between(schema.get("minItems"), schema.get("maxItems"), " entries"),
    ]
    if "default" in schema:
        words.append(f"default {json.dumps(schema['default'])}")
    return ", ".join(filter(None, words))


def _between(low: float | None, high: float | None, unit: str = "") -> str:
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"at most {high:,.15g}{unit}" if low is None else f"at least {low:,.15g}{unit}"
    return f"{low:,.15g} to {high:,.15g}{unit}"


def _curl(url: str, header: str | None, medium: str | None, example: object) -> str:
    parts = [f"curl {shlex.quote(url)}"]
    if header:
        parts.append(f'-H "{header}: {KEY}"')
    if medium:
        parts.append(f"-H {shlex.quote(f'Content-Type: {medium}')}")
        parts.append(f"-d {shlex.quote(json.dumps(example, ensure_ascii=False, indent=2))}")
    return " \\\n  ".join(parts)
