"""The commands about runs as models: models, compare, promote, rollback, history."""

import argparse
from datetime import datetime
from typing import TYPE_CHECKING

from churn.cli.commands import Commands
from churn.cli.table import table
from churn.evaluation.metric_table import METRICS, metric

LAST = 20
DIGEST = 12  # characters of a hash that are shown

if TYPE_CHECKING:
    from churn.registry.comparison import Listed
    from churn.registry.promotion import Promotion


def add(commands: Commands) -> None:
    """Add the commands about models."""
    about = "list the runs with their figures, the champion marked"
    parser = commands.add_parser("models", help=about, description=about)
    parser.add_argument(
        "--last", type=_count, default=LAST, metavar="N",
        help="only the newest so many, and the champion (%(default)s); 0: all",
    )  # fmt: skip
    parser.set_defaults(run=_models)

    about = "two models side by side"
    parser = commands.add_parser("compare", help=about, description=about)
    parser.add_argument(
        "first",
        metavar="RUN",
        help="ChurnFlow/<id>, the id alone, champion, or champion:PROJECT",
    )
    parser.add_argument("second", metavar="RUN", help="another")
    parser.set_defaults(run=_compare)

    about = "make a run the champion"
    parser = commands.add_parser("promote", help=about, description=about)
    parser.add_argument("name", metavar="RUN", help="ChurnFlow/<id>, or the id alone")
    parser.add_argument("--why", required=True, help="for whoever reads the history")
    parser.add_argument(
        "--force", action="store_true", help="although the champion has another table"
    )
    parser.set_defaults(run=_promote)

    about = "make the champion before this one the champion again; once more: the one before that"
    parser = commands.add_parser("rollback", help=about, description=about)
    parser.add_argument("--why", required=True, help="for whoever reads the history")
    parser.add_argument("--project", help="whose, where several projects have a champion")
    parser.set_defaults(run=_rollback)

    about = "list the promotions, the newest first"
    parser = commands.add_parser("history", help=about, description=about)
    parser.set_defaults(run=_history)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 0")
    return int(text)


def _models(options: argparse.Namespace) -> None:
    from churn.registry.comparison import list_models

    models = list_models(options.last or None)
    if not models:
        print("There is no run yet; `make run` makes one.")
        return
    head = ["", "run", "project", "made (UTC)", "customers", "log loss", "ROC-AUC (95 %)"]
    print(table([[*head, "evaluated on", "model"], *map(_row, models)], right={4, 5}))
    if options.last and len(models) >= options.last:
        print(f"The newest {options.last}; --last 0 lists all.")


def _row(model: "Listed") -> list[str]:
    from churn.registry.promotion import project_of

    mark = "*" if model.champion else ""
    ours = model.deployment
    if ours is None:
        return [mark, model.run, "", _minute(model.started), "", "", "", "", model.problem]
    named = f"{ours.candidate} (champion)" if model.champion else ours.candidate
    return [
        mark, model.run, project_of(ours.contract), _minute(ours.created_at),
        f"{ours.customers:,}",
        METRICS["log_loss"].figure(ours.metrics["log_loss"]),
        METRICS["roc_auc"].with_span(ours.metrics["roc_auc"]), ours.evaluated_on, named,
    ]  # fmt: skip


def _compare(options: argparse.Namespace) -> None:
    from churn.registry.comparison import compare_models

    found = compare_models(options.first, options.second)
    one, two = found.first, found.second
    rows = [["", one.run, two.run]]
    rows += [
        [label, say(one), say(two)]
        for label, say in (
            ("model", lambda model: model.candidate),
            ("made (UTC)", lambda model: _minute(model.created_at)),
            ("customers", lambda model: f"{model.customers:,}"),
            ("evaluated on", lambda model: model.evaluated_on),
        )
    ]
    for name in dict.fromkeys([*one.metrics, *two.metrics]):
        about = metric(name)
        figures = [about.with_span(model.metrics.get(name)) for model in (one, two)]
        rows.append([about.label, *figures])
    for part, same in found.same.items():
        ours, theirs = (
            model.fingerprint if part == "answers" else model.lineage[part] for model in (one, two)
        )
        uncommitted = f"{_short(theirs)} (whether the same is not known)"
        words = {True: "the same", False: _short(theirs), None: uncommitted}
        rows.append([part, _short(ours), words[same]])
    rows += [
        [part, *map(_short, pair)]
        for part, pair in found.differences.items()
        if part not in found.same
    ]
    print(table(rows))
    if not (found.same["data"] and found.same["contract"]) or one.evaluated_on != two.evaluated_on:
        print("They were evaluated on different customers, so the figures differ for that too.")


def _promote(options: argparse.Namespace) -> None:
    from churn.registry.promotion import describe_promotion
    from churn.registry.runs import promote

    print(describe_promotion(promote(options.name, options.why, force=options.force)))


def _rollback(options: argparse.Namespace) -> None:
    from churn.registry.promotion import describe_promotion
    from churn.registry.runs import rollback

    print(describe_promotion(rollback(options.why, options.project)))


def _history(options: argparse.Namespace) -> None:
    from churn.registry.history import read_history

    promotions, unreadable = read_history()
    if not promotions and not unreadable:
        print("No run was promoted yet.")
        return
    rows = [
        [str(p.number), p.run, p.project or "", _minute(p.at) if p.at else "", _how(p), p.why]
        for p in promotions
    ]
    rows += [
        ["", bad.run, "", "", "unreadable", f"{bad.tag} ({bad.problem})"] for bad in unreadable
    ]
    print(table([["", "run", "project", "at (UTC)", "", "why"], *rows], right={0}))


def _how(promotion: "Promotion") -> str:
    if promotion.at is None:
        return "tagged by hand"
    return f"rollback to {promotion.restores}" if promotion.restores else "promoted"


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _short(value: object) -> str:
    text = "-" if value is None else str(value)
    return text[:DIGEST] + ("+" if text.endswith("+") else "") if len(text) >= 40 else text
