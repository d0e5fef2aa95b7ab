"""A Python function in the making: its lines, and the constants that it uses."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_LET = re.compile(r"(v\d+) = ")
_NAME = re.compile(r"v\d+")


class Coded(NamedTuple):
    """What a code was before: the value as it was sent, so that nobody has to look up its code.

    Attributes
    ----------
    sent : str
        The variable of that value.
    codes : dict of value to float
        The codes of the usual values.
    read : str
        The function that makes a usual value of any other, where it can.
    """

    sent: str
    codes: dict
    read: str


class Source:
    """A function of one record, written line by line.

    Attributes
    ----------
    lines : list of str
    constants : dict of str to value
        What the lines refer to by name; picklable.
    coded : dict of str to Coded
        Of a variable that holds a code, what it is the code of.
    """

    def __init__(self):
        self.lines: list[str] = []
        self.constants: dict = {}
        self.coded: dict[str, Coded] = {}
        self._names = 0

    def name(self) -> str:
        """A name that is not taken."""
        self._names += 1
        return f"v{self._names}"

    def add(self, *lines: str) -> None:
        """Append lines, indented as given."""
        self.lines += lines

    def let(self, expression: str) -> str:
        """Give an expression a name, and return it."""
        name = self.name()
        self.add(f"{name} = {expression}")
        return name

    def constant(self, value) -> str:
        """Keep a value for the function, and return its name."""
        name = self.name()
        self.constants[name] = value
        return name

    def read(self, names: Iterable[str]) -> list[str]:
        """Name the values of a record, None where there is none."""
        variables = {name: self.name() for name in names}
        absent = self.constant(dict.fromkeys(variables))
        self.add("try:", *(f"    {var} = record[{name!r}]" for name, var in variables.items()))
        self.add("except KeyError:", f"    return score({{**{absent}, **record}})")
        return list(variables.values())

    def states(self, columns: list[str], levels: np.ndarray) -> np.ndarray:
        """How many levels each column has, a flag taken as a category of two; 0 for a number."""
        flags = np.array([column in self.coded for column in columns]) & (levels == 0)
        return np.where(flags, 2, levels)

    def by_code(self, column: str, values: list[float], otherwise: float) -> str:
        """Name what a column's code stands for: one of `values`, in the order of the codes."""
        if column not in self.coded:
            table = self.constant(dict(enumerate(values)))
            return self.let(f"{table}.get({column}, {otherwise!r})")
        sent, codes, read = self.coded[column]
        known = {value: values[int(code)] for value, code in codes.items() if code < len(values)}
        table = self.constant(known | {None: otherwise})
        found = self.let(f"{table}.get({sent})")
        self.add(f"if {found} is None: {found} = {table}.get({read}({sent}), {otherwise!r})")
        return found

    def text(self, result: str) -> str:
        """The whole function; it returns `result`. What nobody uses is left out."""
        kept, used = [f"return {result}"], set(_NAME.findall(result))
        for line in reversed(self.lines):
            made = _LET.match(line)
            if made is None or made[1] in used:
                kept.append(line)
                used.update(_NAME.findall(line))
        body = "".join(f"    {line}\n" for line in reversed(kept))
        return f"def score(record):\n{body}"
