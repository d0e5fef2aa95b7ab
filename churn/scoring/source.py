"""Python functions as source, compiled in pieces that block other threads only shortly."""

import re
from collections.abc import Mapping
from itertools import count
from typing import Any

_ASSIGNED = re.compile(r"(v\d+) = ")
_NAME = re.compile(r"\bv\d+\b")


class Functions:
    """The functions of a program: they share one scope, and are compiled one by one.

    Attributes
    ----------
    scope : dict of str to value
        The objects that the functions refer to by name: helpers, tables, each other.
    """

    def __init__(self, helpers: Mapping[str, Any]):
        self.scope: dict[str, Any] = dict(helpers)
        self._numbers = count(1)

    def name(self) -> str:
        """A new name of a variable."""
        return f"v{next(self._numbers)}"

    def constant(self, value: object) -> str:
        """Keep a value for the functions, and return its name."""
        name = f"c{next(self._numbers)}"
        self.scope[name] = value
        return name

    def define(self, parameters: list[str], lines: list[str], name: str = "") -> str:
        """Compile a function of its lines, the last of which returns, and return its name.

        The interpreter runs no other thread while it compiles, so a long function is split into
        several.
        """
        name = name or f"f{next(self._numbers)}"
        body = "".join(f"    {line}\n" for line in lines)
        text = f"def {name}({', '.join(parameters)}):\n{body}"
        exec(compile(text, "<scorer>", "exec"), self.scope)
        return name


def used_names(text: str) -> list[str]:
    """The variables in a text, in the order in which they first occur."""
    return list(dict.fromkeys(_NAME.findall(text)))


def without_unused(lines: list[str], result: str) -> list[str]:
    """Lines and the return of `result`, without assignments that nothing after them reads."""
    kept, used = [f"return {result}"], set(used_names(result))
    for line in reversed(lines):
        assigned = _ASSIGNED.match(line)
        if assigned is None or assigned[1] in used:
            kept.append(line)
            used.update(used_names(line))
    return kept[::-1]


def literal(value: float) -> str:
    """A number as source; `missing` and `inf` are names of the scope."""
    return repr(float(value)) if value == value else "missing"
