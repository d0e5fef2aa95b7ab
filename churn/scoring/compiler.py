"""Compile a program into one fast function of a record.

The function is Python source that is generated from the values of a validated program. Its texts
become quoted literals only, and the numbers of tables do not become source at all. A category that
is only looked up is not encoded: the table is keyed by the record's value.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from churn.data.values import USUAL_FLAGS, Record
from churn.scoring import estimator_steps, steps
from churn.scoring.operations import OPERATIONS, arrays_of_layers, arrays_of_nets, arrays_of_trees
from churn.scoring.program import Program
from churn.scoring.source import Functions, literal, without_unused
from churn.scoring.tree_source import add_boosted_trees, add_oblivious_trees

_OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "equal": "==",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=",
}  # fmt: skip
_COLUMNS = (steps.NumberColumn, steps.FlagColumn, steps.CategoryColumn)


def compile_program(program: Program) -> Callable[[Record], float]:
    """The function of a program, from a record to its probability of leaving."""
    return _Compiler(program).function()


class _Compiler:
    """Writes the function step by step; a number becomes a variable, a constant a literal.

    Attributes
    ----------
    values : list of str
        For each step so far the expression of its number.
    sent, texts : dict of int to str
        For each category and flag, the variable of the record's value; for each category, that of
        its text.
    """

    def __init__(self, program: Program):
        self.steps = program.steps
        self.functions = Functions(OPERATIONS)
        self.lines: list[str] = []
        self.values: list[str] = []
        self.sent: dict[int, str] = {}
        self.texts: dict[int, str] = {}

    def function(self) -> Callable[[Record], float]:
        self._read_columns()
        for place, step in enumerate(self.steps):
            self.values.append(_WRITERS[type(step)](self, place, step))
        self.functions.define(["record"], without_unused(self.lines, self.values[-1]), name="score")
        score: Callable[[Record], float] = self.functions.scope["score"]
        return score

    def _let(self, expression: str) -> str:
        name = self.functions.name()
        self.lines.append(f"{name} = {expression}")
        return name

    def _read_columns(self) -> None:
        """Assign the record's values to variables; an absent entry is None."""
        names = list(dict.fromkeys(s.name for s in self.steps if isinstance(s, _COLUMNS)))
        self.record = {name: self.functions.name() for name in names}
        absent = self.functions.constant(dict.fromkeys(names))
        if not names:
            return
        reads = (f"    {var} = record[{name!r}]" for name, var in self.record.items())
        again = f"    return score({{**{absent}, **record}})"
        self.lines += ["try:", *reads, "except KeyError:", again]

    def _number(self, place: int, step: steps.NumberColumn) -> str:
        value = self.record[step.name]
        return self._let(f"{value} if type({value}) is float else number({value})")

    def _flag(self, place: int, step: steps.FlagColumn) -> str:
        value = self.sent[place] = self.record[step.name]
        usual = self.functions.constant(USUAL_FLAGS)
        return self._let(f"{usual}[{value}] if {value} in {usual} else flag({value})")

    def _category(self, place: int, step: steps.CategoryColumn) -> str:
        value = self.sent[place] = self.record[step.name]
        codes = {text: float(code) for code, text in enumerate(step.categories)}
        known = self.functions.constant(codes)
        # A text that is not in the list may be one of the list with blanks around it.
        text = self.texts[place] = self._let(f"{value} if {value} in {known} else as_text({value})")
        return self._let(f"{known}.get({text}, missing)")

    def _constant(self, place: int, step: steps.Constant) -> str:
        return f"({literal(step.value)})"

    def _unary(self, place: int, step: steps.Unary) -> str:
        of = self.values[step.of]
        return self._let(f"-{of}" if step.op == "negate" else f"{step.op}({of})")

    def _binary(self, place: int, step: steps.Binary) -> str:
        left, right = self.values[step.left], self.values[step.right]
        if step.op in ("divide", "differ"):
            return self._let(f"{step.op}({left}, {right})")
        expression = f"{left} {_OPERATORS[step.op]} {right}"
        arithmetic = step.op in ("add", "subtract", "multiply")
        # A missing value is NaN, for which every other comparison is false.
        return self._let(expression if arithmetic else f"1.0 if {expression} else 0.0")

    def _compare_text(self, place: int, step: steps.TextComparison) -> str:
        text = self.texts[step.column]
        if step.op == "equal_text":
            return self._let(f"1.0 if {text} == {step.text!r} else 0.0")
        return self._let(f"0.0 if {text} is None or {text} == {step.text!r} else 1.0")

    def _clip(self, place: int, step: steps.Clip) -> str:
        low, high = literal(step.low), literal(step.high)
        return self._let(f"min(max({self.values[step.of]}, {low}), {high})")

    def _sum(self, place: int, step: steps.WeightedSum) -> str:
        parts = [literal(step.intercept)]
        for weight, term in zip(step.weights, step.terms, strict=True):
            value = self.values[term]
            parts.append(value if weight == 1 else f"{literal(weight)} * {value}")
        return self._let(" + ".join(parts))

    def _lookup(self, place: int, step: steps.Lookup) -> str:
        column, otherwise = self.steps[step.column], literal(step.otherwise)
        if step.column not in self.sent:
            table = self.functions.constant(dict(enumerate(step.values)))
            return self._let(f"{table}.get({self.values[step.column]}, {otherwise})")
        codes: Mapping[Any, float]
        if isinstance(column, steps.CategoryColumn):
            codes, read = {text: code for code, text in enumerate(column.categories)}, "as_text"
        else:
            codes, read = USUAL_FLAGS, "flag"
        known = {
            value: step.values[int(code)]
            for value, code in codes.items()
            if code < len(step.values)
        }
        table = self.functions.constant(known | {None: step.otherwise})
        sent = self.sent[step.column]
        found = self._let(f"{table}.get({sent})")
        self.lines.append(f"if {found} is None: {found} = {table}.get({read}({sent}), {otherwise})")
        return found

    def _staircase(self, place: int, step: steps.Staircase) -> str:
        x = self.values[step.column]
        table, cuts = self.functions.constant(step.values), self.functions.constant(step.cuts)
        missing = literal(step.missing)
        return self._let(f"{table}[bisect_left({cuts}, {x})] if {x} == {x} else {missing}")

    def _curve(self, place: int, step: steps.Curve) -> str:
        x = self.values[step.column]
        exact = self.functions.constant(dict(zip(step.breaks, step.at_breaks, strict=True)))
        breaks = self.functions.constant(step.breaks)
        pieces = self.functions.constant([tuple(piece) for piece in step.pieces])
        y = self._let(f"{exact}.get({x})")
        self.lines += [
            f"if {y} is None:",
            f"    if {x} != {x}:",
            f"        {y} = {literal(step.missing)}",
            "    else:",
            f"        start, width, a, b, c, d = {pieces}[bisect({breaks}, {x})]",
            f"        u = ({x} - start) / width",
            f"        {y} = a + u * (b + u * (c + u * d))",
        ]
        return y

    def _oblivious(self, place: int, step: estimator_steps.ObliviousTrees) -> str:
        columns = [self.values[column] for column in step.columns]
        return self._add(step.baseline, add_oblivious_trees(self.functions, step.trees, columns))

    def _boosted(self, place: int, step: estimator_steps.BoostedTrees) -> str:
        columns = [self.values[column] for column in step.columns]
        return self._add(step.baseline, add_boosted_trees(self.functions, step.trees, columns))

    def _add(self, baseline: float, trees: Iterable[tuple[str, list[str]]]) -> str:
        total = self._let(literal(baseline))
        for function, used in trees:
            self.lines.append(f"{total} = {function}({', '.join([total, *used])})")
        return total

    def _forest(self, place: int, step: estimator_steps.Forest) -> str:
        columns = ", ".join(self.values[column] for column in step.columns)
        trees = self.functions.constant(arrays_of_trees(step.trees))
        return self._let(f"walk(single([{columns}]), {trees}) / {len(step.trees)}")

    def _network(self, place: int, step: estimator_steps.Network) -> str:
        columns = ", ".join(self.values[column] for column in step.columns)
        layers = self.functions.constant(arrays_of_layers(step.layers))
        return self._let(f"network([{columns}], {layers})")

    def _networks(self, place: int, step: estimator_steps.Networks) -> str:
        columns = ", ".join(self.values[column] for column in step.columns)
        layers = self.functions.constant(arrays_of_nets(step.nets))
        return self._let(f"networks([{columns}], {layers})")


_WRITERS: dict[type[steps.Step], Callable[..., str]] = {
    steps.NumberColumn: _Compiler._number,
    steps.FlagColumn: _Compiler._flag,
    steps.CategoryColumn: _Compiler._category,
    steps.Constant: _Compiler._constant,
    steps.Unary: _Compiler._unary,
    steps.Binary: _Compiler._binary,
    steps.TextComparison: _Compiler._compare_text,
    steps.Clip: _Compiler._clip,
    steps.WeightedSum: _Compiler._sum,
    steps.Lookup: _Compiler._lookup,
    steps.Staircase: _Compiler._staircase,
    steps.Curve: _Compiler._curve,
    estimator_steps.ObliviousTrees: _Compiler._oblivious,
    estimator_steps.BoostedTrees: _Compiler._boosted,
    estimator_steps.Forest: _Compiler._forest,
    estimator_steps.Network: _Compiler._network,
    estimator_steps.Networks: _Compiler._networks,
}
