"""The dashboards of Grafana: service, model, money and labels.

    python deploy/grafana/dashboards.py

writes one JSON file each into deploy/grafana/dashboards, which Grafana reads. `make cluster-test`
asks the queries of all panels of a Prometheus that has scraped the app.
"""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

FOLDER = Path(__file__).with_name("dashboards")
# The uid of deploy/grafana/provisioning/datasources/prometheus.yaml.
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
RATE = "[$__rate_interval]"
# Widths, of 24.
THIRD, HALF, WHOLE = 8, 12, 24

Lines = dict[str, str]


def lines(title: str, about: str, unit: str, queries: Lines, width: int = HALF) -> Builder:
    """A panel of series over time.

    Parameters
    ----------
    title, about : str
    unit : str
        One of Grafana's units.
    queries : dict of str to str
        PromQL by the legend of its series.
    width : int
    """
    panel = timeseries.Panel().title(title).description(about).unit(unit)
    legend = common.VizLegendOptions().show_legend(True)
    legend = legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    panel = panel.datasource(SOURCE).span(width).height(8).legend(legend)
    for letter, (series, query) in zip("ABC", queries.items(), strict=False):
        panel = panel.with_target(_query(letter, query, series))
    return panel


def number(title: str, about: str, unit: str, query: str, width: int = THIRD) -> Builder:
    """A panel of the latest value."""
    panel = stat.Panel().title(title).description(about).unit(unit)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.datasource(SOURCE).span(width).height(4).with_target(_query("A", query, ""))


def _query(letter: str, query: str, legend: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(letter).expr(query).legend_format(legend)
    return made.datasource(SOURCE)


def _rate(name: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({name}{where}{RATE}))"


def _quantile(share: float) -> str:
    rates = _rate("churn_request_seconds_bucket", "le", "{route='/predict'}")
    return f"histogram_quantile({share}, {rates})"


SERVICE = [
    lines(
        "Requests", "By the status of the answer.", "reqps",
        {"{{status}}": _rate("churn_request_seconds_count", "status")},
    ),
    lines(
        "Failures", "The share of requests that the server could not answer: status 5xx.",
        "percentunit",
        {"failed": (
            f"(sum(rate(churn_request_seconds_count{{status=~'5..'}}{RATE})) or vector(0)) "
            f"/ sum(rate(churn_request_seconds_count{RATE}))"
        )},
    ),
    lines(
        "Time of a prediction", "Of requests to /predict.", "s",
        {"half": _quantile(0.5), "99 in 100": _quantile(0.99)},
    ),
    lines(
        "Requests in progress", "That Flask is answering, fast predictions aside.", "short",
        {"{{instance}}": "churn_requests_in_progress"},
    ),
    lines(
        "The keeper", "Since it last looked which run is wanted, and last moved the log.", "s",
        {
            "model, {{instance}}": "churn_keeper_sync_age_seconds",
            "log, {{instance}}": "churn_keeper_ship_age_seconds",
        },
    ),
    lines(
        "Predictions that wait for the database", "How long the oldest has waited.", "s",
        {"{{instance}}": "churn_spool_lag_seconds"},
    ),
    lines(
        "Size of what waits", "The spool of the prediction log.", "bytes",
        {"{{instance}}": "churn_spool_bytes"},
    ),
    lines(
        "Refused for the log", "Answers that could not be logged, and were not sent.", "short",
        {"{{instance}}": f"increase(churn_log_failures_total{RATE})"},
    ),
    lines(
        "Memory", "Of the processes of a role together.", "bytes",
        {"{{role}}, {{instance}}": "churn_process_resident_memory_bytes"},
    ),
    lines(
        "CPU", "Cores that the processes of a role use.", "short",
        {"{{role}}, {{instance}}": f"rate(churn_process_cpu_seconds_total{RATE})"},
    ),
    lines(
        "Processes", "Fewer workers than configured: some end again and again.", "short",
        {"{{role}}, {{instance}}": "churn_processes"},
    ),
    lines(
        "Open files", "And connections.", "short",
        {"{{role}}, {{instance}}": "churn_process_open_fds"},
    ),
]  # fmt: skip

MODEL = [
    number("Verdict", "-1 insufficient data, 0 ok, 1 watch, 2 retrain.", "short",
           "max(churn_monitor_verdict)"),
    number("Age of the model", "Since the run that is served was made.", "s",
           "max(churn_model_age_seconds)"),
    number("Last examined", "When MonitorFlow last looked.", "dateTimeFromNow",
           "max(churn_monitor_time_seconds) * 1000"),
    lines(
        "Served runs", "By instance; more than one while a promotion is taken up.", "short",
        {"{{run}} {{candidate}}": "count by (run, candidate) (churn_model_info)"},
    ),
    lines(
        "Not the wanted one", "1 where an instance may not serve the champion.", "short",
        {"{{instance}}": "churn_model_stale"},
    ),
    lines(
        "Mean score", "The mean of the probabilities that were answered.", "percentunit",
        {"mean": f"sum(rate(churn_score_sum{RATE})) / sum(rate(churn_score_count{RATE}))"},
    ),
    lines(
        "Scores", "The probability that a tenth, a half and nine tenths of answers stay below.",
        "percentunit",
        {
            f"{share:.0%}": f"histogram_quantile({share}, {_rate('churn_score_bucket', 'le')})"
            for share in (0.1, 0.5, 0.9)
        },
    ),
    lines(
        "Flagged", "The share of answers at or above the threshold.", "percentunit",
        {"flagged": (
            f"sum(rate(churn_predictions_total{{churn='yes'}}{RATE})) "
            f"/ sum(rate(churn_predictions_total{RATE}))"
        )},
    ),
    lines(
        "Drift of the inputs", "How far a column drifted, 0 to 1; the ten most.", "short",
        {"{{column}}, {{what}}": "topk(10, max by (column, what) (churn_monitor_effect))"},
    ),
    lines("Alarms", "Drift tests that raised an alarm.", "short",
          {"alarms": "max(churn_monitor_drifted)"}),
]  # fmt: skip

MONEY = [
    number("Expected profit of a customer", "Of calling whom it pays to call.", "short",
           "max(churn_monitor_expected_profit)", HALF),
    number("Worth calling", "The share of customers whom it pays to call.", "percentunit",
           "max(churn_monitor_calls)", HALF),
    lines(
        "Expected profit of a customer", "Of calling whom it pays to call.", "short",
        {"{{run}}": "churn_monitor_expected_profit"}, WHOLE,
    ),
    lines(
        "Worth calling", "The share of customers whom it pays to call.", "percentunit",
        {"{{run}}": "churn_monitor_calls"},
    ),
    lines("Customers", "That were scored in the period.", "short",
          {"{{run}}": "churn_monitor_customers"}),
]  # fmt: skip

LABELS = [
    number("Known outcomes", "The share of the latest matured cohort whose outcome is known.",
           "percentunit", "max(churn_monitor_label_completeness)", HALF),
    number("Log loss", "Of the latest matured cohort.", "short",
           "max(churn_monitor_quality{metric='log_loss'})", HALF),
    lines(
        "Known outcomes", "Below a half a cohort is not evaluated.", "percentunit",
        {"{{run}}": "churn_monitor_label_completeness"},
    ),
    lines(
        "Quality of the latest matured cohort", "By metric.", "short",
        {"{{metric}}": "max by (metric) (churn_monitor_quality)"},
    ),
    lines(
        "Outcomes that arrive", "Requests to /outcomes by status.", "reqps",
        {"{{status}}": _rate("churn_request_seconds_count", "status", "{route='/outcomes'}")},
        WHOLE,
    ),
]  # fmt: skip

DASHBOARDS = {"service": SERVICE, "model": MODEL, "money": MONEY, "labels": LABELS}


def as_json(name: str) -> str:
    """A dashboard as Grafana reads it."""
    built = (
        dashboard.Dashboard(f"Churn: {name}").uid(f"churn-{name}").tags(["churn"])
        .refresh("1m").time("now-24h", "now").timezone("browser").readonly()
    )  # fmt: skip
    for panel in DASHBOARDS[name]:
        built = built.with_panel(panel)
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


def problems(name: str) -> list[str]:
    """What the schema of the SDK does not read back as it is written."""
    from grafana_foundation_sdk.models.dashboard import Dashboard

    text = as_json(name)
    read = Dashboard.from_json(json.loads(text))
    again = JSONEncoder(sort_keys=True, indent=2).encode(read) + "\n"
    titles = [panel.title for panel in read.panels or () if isinstance(panel, PanelModel)]
    wanted = len(DASHBOARDS[name])
    return ([] if again == text else ["it reads back as another"]) + (
        [] if len(titles) == wanted else [f"{len(titles)} of {wanted} panels are read"]
    )


def main() -> int:
    """Write the files; with `--check`, 1 if they are not what is written here."""
    stale = []
    for name in DASHBOARDS:
        path = FOLDER / f"{name}.json"
        text = as_json(name)
        stale += [f"{path.name}: {problem}" for problem in problems(name)]
        if "--check" not in sys.argv[1:]:
            path.write_text(text, "utf-8")
        elif not path.is_file() or path.read_text("utf-8") != text:
            stale.append(f"{path.name} is not what dashboards.py makes")
    print(*stale, sep="\n", file=sys.stderr, end="\n" if stale else "")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
