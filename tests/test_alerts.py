"""Alerts have their pages; they and the dashboards are of metrics that are exported."""

import json
import re

import yaml

from running import ROOT

RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]


def test_each_alert_has_a_page_and_each_page_an_alert():
    pages = {path.stem for path in (ROOT / "deploy/runbooks").glob("*.md")}
    assert pages == {rule["alert"] for rule in RULES}
    for rule in RULES:
        page = ROOT / rule["annotations"]["runbook"]
        assert page.read_text().startswith(f"# {rule['alert']}\n")


def test_each_alert_is_of_metrics_that_are_exported():
    check_exported(rule["expr"] for rule in RULES)


def test_each_panel_is_of_metrics_that_are_exported():
    files = list((ROOT / "deploy/grafana/dashboards").glob("*.json"))
    assert len(files) == 4
    check_exported(
        target["expr"]
        for file in files
        for panel in json.loads(file.read_text())["panels"]
        for target in panel["targets"]
    )


def check_exported(queries):
    names = ("metrics", "exposition", "processes")
    code = (ROOT / "churn/monitoring/metrics.py").read_text()
    code += "".join((ROOT / f"serve/{name}.py").read_text() for name in names)
    for name in {name for query in queries for name in re.findall(r"churn_\w+", query)}:
        short = re.sub(r"_(count|bucket|sum)$", "", name).removeprefix("churn_monitor_")
        assert f'"{short.removesuffix("_total")}' in code, name


def test_the_operators_alerts_are_the_same():
    written = (ROOT / "deploy/kubernetes/monitoring/rules.yaml").read_text()
    groups = yaml.safe_load(written)["spec"]["groups"]
    theirs = [rule for group in groups for rule in group["rules"]]
    # The operator names a job by its Service.
    ours = [rule | {"expr": rule["expr"].replace('"churn"', '"app"')} for rule in RULES]
    assert theirs == ours
