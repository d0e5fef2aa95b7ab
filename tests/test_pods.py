"""What a task would write to the disk of a pod."""

import pytest

from churn.pods import lost_with_pod

PLACES = {
    "--output": "calls.csv",
    "--rejected": "",
    "--metrics-file": "/mnt/volume/churn.prom",
    "--calls": "s3://bucket/calls.csv",
    "--log": "sqlite:////mnt/volume/predictions.db",
    "--data": "postgresql://db/customers",
}


def test_on_a_machine_of_ones_own_every_place_lasts(monkeypatch):
    monkeypatch.delenv("METAFLOW_KUBERNETES_WORKLOAD", raising=False)
    assert lost_with_pod(PLACES) == []


def test_in_a_pod_each_place_on_its_disk_is_named(monkeypatch):
    monkeypatch.setenv("METAFLOW_KUBERNETES_WORKLOAD", "1")
    found = lost_with_pod(PLACES)
    assert [problem.partition(":")[0] for problem in found] == [
        "--output calls.csv",
        "--log sqlite",
    ]
    assert found[0].endswith("say s3://… or a path of a volume")
    assert found[1].endswith("name a database")


@pytest.mark.parametrize("place", ["off", ""])
def test_no_log_is_lost(monkeypatch, place):
    monkeypatch.setenv("METAFLOW_KUBERNETES_WORKLOAD", "1")
    assert lost_with_pod({"--log": place}) == []
