"""The alerts for the Prometheus operator: rules.yaml as a PrometheusRule.

    python deploy/prometheus/operator_rules.py

writes deploy/kubernetes/monitoring/rules.yaml; with `--check` it ends with 1 if that is another.
"""

import sys
from pathlib import Path

import yaml

RULES = Path(__file__).with_name("rules.yaml")
WRITTEN = Path(__file__).parents[1] / "kubernetes" / "monitoring" / "rules.yaml"
HEAD = "# Made of ../../prometheus/rules.yaml by operator_rules.py there.\n"


def main() -> int:
    """Write or check the file."""
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "churn"},
        "spec": yaml.safe_load(RULES.read_text("utf-8")),
    }
    text = HEAD + yaml.safe_dump(rule, sort_keys=False, width=100, allow_unicode=True)
    # The operator names the job of what it scrapes by the Service, which is `app`.
    text = text.replace('up{job="churn"}', 'up{job="app"}')
    if "--check" in sys.argv[1:]:
        return int(not WRITTEN.is_file() or WRITTEN.read_text("utf-8") != text)
    WRITTEN.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
