"""Customers that cannot be, as a contract states them: checked in one record."""

from collections.abc import Callable, Iterator

from churn.data.contract import Contract
from churn.data.expressions import Formula
from churn.data.values import Record
from churn.scoring.compiler import compile_program
from churn.scoring.export.builder import ProgramBuilder
from churn.scoring.export.formulas import add_formula
from churn.scoring.json_body import Problem, shown

__all__ = ["Contradictions"]


class Contradictions:
    """The contradictions of a contract, compiled; false where it states none.

    Parameters
    ----------
    contract : Contract
    """

    def __init__(self, contract: Contract):
        self._checks = []
        for text in contract.contradictions:
            formula = Formula(text)
            names = [name for name in contract.features if name in formula.columns]
            self._checks.append((text, names, _compiled(formula, names, contract)))

    def __bool__(self) -> bool:
        return bool(self._checks)

    def holds(self, record: Record) -> bool:
        """Whether a record has none."""
        return not any(check(record) == 1 for _, _, check in self._checks)

    def problems(self, record: Record) -> Iterator[Problem]:
        """Each contradiction of a record, at the last of its features.

        Parameters
        ----------
        record : mapping of str to value
            Valid but for contradictions; see `churn.scoring.scorer.Scorer`.
        """
        for text, names, check in self._checks:
            if check(record) == 1:
                got = ", ".join(f"{name} = {shown(record.get(name))}" for name in names)
                yield Problem(names[-1], f"no customer with {text}", got)


def _compiled(formula: Formula, names: list[str], contract: Contract) -> Callable[[Record], float]:
    builder, places = ProgramBuilder(), {}
    for name in names:
        feature = contract.features[name]
        if feature.kind == "category":
            categories = list(feature.categories)
            places[name] = builder.add("category", name=name, categories=categories)
        else:
            places[name] = builder.add("flag" if feature.kind == "flag" else "number", name=name)
    add_formula(builder, formula, places)
    return compile_program(builder.program())
