"""Health: the verdicts on the model in use, what to do, and which model is the champion."""

from typing import Any

from flask import current_app, redirect, render_template, request, url_for

from churn.errors import ChurnError
from churn.feedback.report_entry import VERDICT
from churn.scoring.json_body import Problem
from serve.desk.access import Answer, page, person
from serve.desk.stores import stores
from serve.prediction_log import log
from serve.problem_details import Refused

PAST_VERDICTS = 30
LISTED_MODELS = 8
# What to do about a finding, by its verdict and what it is about.
TO_DO = {
    ("retrain", "drift"): "Repair the column where it comes from. Until then a model without it "
    "may be better: train one, and the gate decides.",
    ("retrain", "quality"): "Train on newer customers, with ChurnFlow or MonitorFlow "
    "--retrain; the gate decides whether the new model is better.",
    ("watch", "drift"): "See whether customers have changed or their table has. Nothing has to be "
    "done while the quality holds.",
    ("watch", "quality"): "Call the customers of this segment with care; a model trained on newer "
    "ones may be better there.",
    ("watch", "money"): "See whether customers have changed, or the calls have worked. No training "
    "brings this money back; the plan may need another budget.",
}
VERDICTS = {
    "ok": "The model works as expected",
    "watch": "Something changed: keep an eye on it",
    "retrain": "The model should be replaced",
    "insufficient data": "There is too little data to tell",
}


@page("/monitor")
def monitor() -> Answer:
    """The latest verdict, the ones before it, the champion's history, and the state of the log."""
    store = stores()
    verdicts = store.reports.latest(VERDICT, PAST_VERDICTS)
    promotions, challengers, problem = _models()
    return render_template(
        "desk/monitor.html", verdicts=verdicts, words=VERDICTS, to_do=TO_DO,
        promotions=promotions, problem=problem, challengers=challengers,
        log=_log_state(), lists=store.calls.lists(1),
        served=current_app.extensions["churn"],
    )  # fmt: skip


@page("/monitor/models", role="manager")
def models() -> Answer:
    """The newest runs with their figures, to promote one of them."""
    from churn.registry.comparison import list_models

    return render_template("desk/models.html", models=list_models(LISTED_MODELS))


@page("/monitor/promote", role="manager", methods=["POST"])
def promote() -> Answer:
    """Make a run the champion; the reason and the person are in the history."""
    from churn.registry.runs import promote

    return _change(lambda why: promote(request.form.get("run", "")[:200], why))


@page("/monitor/rollback", role="manager", methods=["POST"])
def rollback() -> Answer:
    """Make the champion before this one the champion again."""
    from churn.registry.runs import rollback

    return _change(lambda why: rollback(why))


def _change(change: Any) -> Answer:
    from churn.registry.promotion import read_why

    why = request.form.get("why", "").strip()
    if not why:
        wrong = Problem("the reason", "a few words, for whoever asks later", "nothing")
        raise Refused(422, "Nothing is changed.", [wrong])
    reason = f"{why} ({person().name})"
    try:
        made = change(reason)
    except ChurnError as error:
        raise Refused(422, " ".join([error.summary, *error.problems])) from error
    if made.note and made.why != read_why(reason):  # it was there before
        raise Refused(422, made.note)
    return redirect(url_for("desk.monitor") + "#champion", 303)


def _models() -> tuple[list[Any], list[Any], str]:
    """The promotions and the runs since, the newest first; or why they cannot be read."""
    from churn.registry.comparison import list_challengers
    from churn.registry.history import read_history
    from churn.registry.promotion import project_of

    model = current_app.extensions["churn"].model
    try:
        promotions = read_history()[0]
        if model is None:
            return promotions, [], ""
        project = project_of(model.run.contract)
        champion = next((one.run for one in promotions if one.project in (project, None)), "")
        return promotions, list_challengers(champion, project), ""
    except ChurnError as error:
        current_app.logger.error("%s", error)
        return [], [], error.summary


def _log_state() -> dict[str, Any]:
    """How much is in the log, and whether it is up to date."""
    store, writer = stores(), log()
    latest, outcomes = store.predictions.latest(1), store.outcomes.summary()
    return {
        "predictions": store.predictions.count(),
        "latest": latest[0].time if latest else None,
        "outcomes": outcomes,
        "backlog": writer.backlog()[0] if writer else 0,
        "problem": current_app.extensions["churn"].log_problem,
    }
