"""Alerts have their pages, and are of metrics that are exported."""

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
    code = "".join(
        (ROOT / name).read_text()
        for name in ("serve/metrics.py", "serve/exposition.py", "churn/monitoring/metrics.py")
    )
    for name in {name for rule in RULES for name in re.findall(r"churn_\w+", rule["expr"])}:
        short = re.sub(r"_(count|bucket|sum)$", "", name).removeprefix("churn_monitor_")
        assert f'"{short}"' in code, name
