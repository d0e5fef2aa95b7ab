"""The coordinates of a customer's risk over time, with calls and outcomes."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from churn.campaign.stored import OPEN, STATES, CallEvent
from churn.feedback.outcomes import Outcome
from churn.feedback.prediction_log import Prediction

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 190
# Of two points nearer than this to each other on the line, one is left out.
NEAREST = 1.0


def risk_chart(
    predictions: Sequence[Prediction], events: Sequence[CallEvent], outcomes: Sequence[Outcome]
) -> dict[str, Any] | None:
    """The points of the line and the marks below it; None where there is no prediction.

    Parameters
    ----------
    predictions : sequence of Prediction
        The newest first.
    """
    if not predictions:
        return None
    done = [event for event in events if event.state != OPEN]
    ends = [(datetime.combine(one.date, time(), UTC), one.left) for one in outcomes]
    times = [
        *(one.time for one in predictions),
        *(event.at for event in done),
        *(at for at, _ in ends),
    ]
    first, last = min(times), max(times)
    span = (last - first).total_seconds() or 1.0
    inside = WIDTH - LEFT - RIGHT

    def across(at: datetime) -> float:
        share = (at - first).total_seconds() / span if last > first else 0.5
        return round(LEFT + inside * share, 1)

    def up(probability: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * probability, 1)

    points: list[dict[str, Any]] = []
    for one in reversed(predictions):
        x = across(one.time)
        if points and x - points[-1]["x"] < NEAREST:
            points.pop()
        points.append({"x": x, "y": up(one.probability), "risk": one.probability, "at": one.time})
    marks = [{"x": across(e.at), "kind": e.state, "words": STATES[e.state]} for e in done]
    marks += [
        {"x": across(at), "kind": "left" if left else "stayed",
         "words": "had left" if left else "was still a customer"}
        for at, left in ends
    ]  # fmt: skip
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": BOTTOM,
        "points": points, "marks": marks, "first": first, "last": last,
        "ticks": [{"y": up(share), "share": share} for share in (0, 0.25, 0.5, 0.75, 1)],
    }  # fmt: skip
