"""A file is given in parts, scored in a process of its own, and deleted after some time."""

import csv
import io
import os
import re
import time
from dataclasses import replace

import pytest

from churn.campaign.score_file import SCORE_FILES, Job, delete_old, main
from desk import ANNA, BEN, KEYS, Browser
from processes import wait_for
from serve import create_app


@pytest.fixture
def app(served, tmp_path):
    settings = {"SERVED": served, "LOG": f"sqlite:///{tmp_path}/log.db", "STATE": tmp_path}
    return create_app(settings | {"KEYS": ",".join(KEYS)})


@pytest.fixture
def table(customers, served):
    """Real customers, the third of them broken, as CSV."""
    broken = customers.reset_index(drop=True).copy()
    broken["tenure"] = broken["tenure"].astype(object)
    broken.loc[2, "tenure"] = "long ago"
    return broken[[served.contract.id, *served.contract.features]].to_csv(index=False).encode()


def begin(browser: Browser, body: bytes, name: str = "mine.csv") -> str:
    return browser.post("/score-file", on="/score-file", name=name, size=str(len(body))).json["job"]


def send(browser: Browser, job: str, body: bytes, offset: int):
    token = re.search(r'name="token" value="([^"]+)"', browser.get("/score-file").text)[1]
    return browser.client.post(
        f"/score-file/{job}/part?offset={offset}", data=body, headers={"X-Form-Token": token},
        content_type="application/octet-stream",
    )  # fmt: skip


def finish(browser: Browser, job: str) -> str:
    """The part of the page about a file that has come to an end."""

    def look():
        text = browser.get(f"/score-file/{job}/status").text
        return text if re.search('data-state="(finished|failed)"', text) else None

    return wait_for(look, 120)


class TestFile:
    def test_comes_back_scored_with_what_is_wrong_by_row(self, app, table, served, records):
        anna = Browser(app, ANNA)
        job = begin(anna, table)
        assert send(anna, job, table[:1_000], 0).json == {"bytes": 1_000, "state": "uploading"}
        assert send(anna, job, table[1_000:], 500).json["bytes"] == 1_000
        assert send(anna, job, table[1_000:], 1_000).json["state"] == "ready"
        page = finish(anna, job)
        assert f"{len(records) - 1} customers are scored" in page
        assert "1 row is rejected" in page
        assert re.search(r"<td>3</td>.*tenure", page)
        text = anna.get(f"/score-file/{job}/scored.csv").text
        rows = {row["row"]: row for row in csv.DictReader(io.StringIO(text))}
        assert len(rows) == len(records) - 1
        for number, record in enumerate(records, 1):
            if number != 3:
                expected = 100 * served.scorer(record)
                assert float(rows[str(number)]["risk_percent"]) == pytest.approx(
                    expected, abs=0.051
                )
        assert "long ago" not in anna.get(f"/score-file/{job}/rejected.csv").text
        ben = Browser(app, BEN)
        assert ben.get(f"/score-file/{job}/scored.csv").status_code == 404
        assert anna.post(f"/score-file/{job}/delete", on="/score-file").status_code == 303
        assert anna.get(f"/score-file/{job}/status").status_code == 404

    def test_that_is_no_table_of_customers_is_named_in_full(self, app):
        anna = Browser(app, ANNA)
        body = b"customer_id,tenure\nC1,3\n"
        job = begin(anna, body)
        send(anna, job, body, 0)
        page = finish(anna, job)
        assert "This file is not scored" in page
        assert "contract: the column is missing" in page
        assert "monthly_charges: the column is missing" in page

    @pytest.mark.parametrize(
        ("name", "size"), [("mine.exe", 10), ("mine.csv", 0), ("mine.csv", 3 * 2**30)]
    )
    def test_that_cannot_be_a_table_is_not_begun(self, app, name, size):
        anna = Browser(app, ANNA)
        answer = anna.post("/score-file", on="/score-file", name=name, size=str(size))
        assert answer.status_code == 422

    def test_whose_process_is_killed_goes_on_where_it_was(self, telco_run, table, tmp_path):
        folder = tmp_path / ("0" * 32)
        folder.mkdir()
        job = Job("mine.csv", len(table), "Anna", telco_run.pathspec, "2026-03-02", "ready")
        job.write(folder).file(folder).write_bytes(table)
        assert main(folder) == 0
        whole = (folder / "scored.csv").read_bytes()
        finished = Job.read(folder)
        # As a kill after the chunk was written, and before the status said so.
        job.write(folder)
        (folder / "scored.csv").write_bytes(whole[: len(whole) // 2])
        assert main(folder) == 0
        assert (folder / "scored.csv").read_bytes() == whole
        # And as one after all chunks.
        finished.write(folder)
        assert main(folder) == 0
        assert (folder / "scored.csv").read_bytes() == whole
        assert Job.read(folder).rejected == 1

    def test_whose_process_has_ended_says_so_and_goes_on(self, app, table, tmp_path):
        anna = Browser(app, ANNA)
        job = begin(anna, table)
        folder = tmp_path / SCORE_FILES / job
        send(anna, job, table, 0)
        finish(anna, job)
        replace(Job.read(folder), state="running", done=0, bytes={}, rejected=0).write(folder)
        assert "begins where it was" in anna.get("/score-file").text
        anna.post(f"/score-file/{job}/again", on="/score-file")
        assert 'data-state="finished"' in finish(anna, job)

    def test_is_deleted_after_its_time(self, app, table, tmp_path):
        anna = Browser(app, ANNA)
        job = begin(anna, table)
        path = tmp_path / SCORE_FILES / job / "table.csv"
        os.utime(path, (time.time(), time.time() - 23 * 3600))
        anna.get("/score-file")
        assert path.exists()
        os.utime(path, (time.time(), time.time() - 25 * 3600))
        assert "mine.csv" not in anna.get("/score-file").text
        assert not path.exists()
        assert delete_old(tmp_path / SCORE_FILES, 0) == 0
