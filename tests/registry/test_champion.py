"""The champion: whatever happens to promotions, there is exactly one."""

import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import metaflow
import pytest

from churn.__main__ import main
from churn.data.contract import Contract
from churn.errors import ChurnError
from churn.registry import history as history_module
from churn.registry.history import read_history
from churn.registry.looks import RENEW_AFTER, count_looks, describe_looks, record_look
from churn.registry.promotion import Promotion, why_foreign
from churn.registry.runs import (
    champion,
    fetch_run,
    foreign_champions,
    history,
    promote,
    resolve_run,
    rollback,
)
from running import reading_from
from tiny import copy_store, environment, multiply, tiny_runs

# Promotes A and B in turn, as often as it is told, once somebody says so; prints what came of it.
TURNS = """
import json, sys
from churn.__main__ import main
from churn.registry.runs import promote
who, *names, times = sys.argv[1:]
done = []
print("ready", flush=True)
sys.stdin.readline()
for i in range(int(times)):
    promotion = promote(names[i % 2], f"{who}: {i}")
    if promotion.note:
        assert "is the champion already" in promotion.note
    else:
        done.append([promotion.number, promotion.run, promotion.why])
print(json.dumps(done))
"""

# Forks children that promote A and B in turn without an end, and kills each at another moment of
# its first promotion, each third of its second: a run has room for the tags of some twenty.
KILLS = """
import os, signal, sys, time
from churn.registry.runs import promote, champion
*names, kills = sys.argv[1:]
promote(names[1], "before")
begin = time.monotonic()
promote(names[0], "before")
took = time.monotonic() - begin
for i in range(int(kills)):
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        turn = champion().run == names[0]
        while True:
            os.write(told, b".")
            promote(names[turn], f"child {i}")
            turn = not turn
    os.close(told)
    for _ in range(2 if i % 3 == 0 else 1):
        os.read(heard, 1)
    time.sleep(took * i / int(kills))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(heard)
"""


@pytest.fixture
def store(runs, tmp_path):
    """A store of finished, failed and killed runs, none of which was promoted."""
    with reading_from(copy_store(tmp_path)):
        yield tmp_path


@pytest.fixture(scope="session")
def runs() -> dict[str, str]:
    return tiny_runs()


@pytest.fixture
def abc(store, runs) -> dict[str, str]:
    """Three runs that can be promoted, A the oldest."""
    return {"A": runs["good"], "B": runs["better"], "C": runs["other data"]}


def tags(run: str) -> set[str]:
    return set(metaflow.Run(run).user_tags)


def start(script: str, store: Path, *arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], cwd=store, env=environment(store),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output


class TestLooks:
    def test_each_run_counts_once_for_its_project_and_its_hold_out(self, abc):
        for run in (abc["A"], abc["A"], abc["B"]):
            record_look(run, "telecom", 0)
        record_look(abc["C"], "telecom", 1)
        record_look(abc["C"], "bank", 0)
        assert count_looks("telecom", 0) == 2
        assert count_looks("telecom", 1) == count_looks("bank", 0) == 1
        assert champion() is None

    def test_a_hold_out_that_was_looked_at_for_a_year_is_to_be_renewed(self):
        assert describe_looks(1, 0) == "This hold-out was looked at once."
        assert "--renewals" not in describe_looks(RENEW_AFTER, 0)
        assert "`--renewals 3`" in describe_looks(RENEW_AFTER + 1, 2)


def store_remotely(store: Path, run: str) -> None:
    """Record of a finished run that its artifacts are in S3, though its metadata is local."""
    end = store / ".metaflow" / run / "end"
    theirs = end.resolve()
    end.unlink()  # a link into the store that all tests share
    shutil.copytree(theirs, end)
    for file in end.glob("*/_meta/sysmeta_ds-type_*.json"):
        content = json.loads(file.read_text())
        file.write_text(json.dumps(content | {"value": "s3"}))


class TestVisibility:
    """A promotion by hand is refused where no other machine would see it, as one by the flow is."""

    def test_of_a_run_whose_artifacts_are_remote(self, abc, store):
        store_remotely(store, abc["B"])
        with pytest.raises(ChurnError, match="is not promoted") as caught:
            promote(abc["B"], "it is better")
        assert "no other machine would see" in caught.value.problems[0]
        assert champion() is None
        assert promote(abc["A"], "its artifacts are local").number == 1

    def test_of_a_rollback_to_one(self, abc, store):
        for run in (abc["A"], abc["B"]):
            promote(run, "in turn")
        store_remotely(store, abc["A"])
        with pytest.raises(ChurnError, match="is not promoted"):
            rollback("back")
        assert champion().run == abc["B"]


class TestPromotion:
    def test_at_first_nobody_is_the_champion(self, store):
        assert champion() is None
        assert history() == []
        with pytest.raises(ChurnError, match="There is no champion yet") as caught:
            fetch_run("champion")
        assert "promote RUN --why" in str(caught.value)
        with pytest.raises(ChurnError, match="There is no champion yet"):
            rollback("it never was good")

    def test_where_the_flow_never_ran_nobody_is_the_champion(self, store):
        (store / ".metaflow" / "ChurnFlow").rename(store / "away")
        assert champion() is None

    def test_is_on_the_run_and_nowhere_else(self, abc, store):
        before = datetime.now(UTC) - timedelta(seconds=1)
        made = promote(abc["A"], "the first")
        assert (made.number, made.run, made.why, made.restores) == (1, abc["A"], "the first", None)
        assert before < made.at < datetime.now(UTC)
        assert champion() == made
        assert history() == [made]
        at = made.at.isoformat(timespec="milliseconds")
        assert tags(abc["A"]) == {
            "promoted", "champion:1", f"promotion:1 at {at}: the first", "churn-project:left"
        }  # fmt: skip
        for name in ("champion", " champion "):
            assert resolve_run(name) == fetch_run(name).run == abc["A"]

    def test_the_id_alone_names_a_run(self, abc):
        assert promote(abc["B"].split("/")[1], "short").run == abc["B"]

    def test_the_highest_number_is_the_champion_and_not_the_newest_run(self, abc):
        promote(abc["C"], "first")
        made = promote(abc["A"], "the oldest, and the best")
        assert champion() == made
        assert [promotion.number for promotion in history()] == [2, 1]

    def test_a_tag_on_an_old_run_moves_the_latest_run_and_not_the_champion(self, abc):
        promote(abc["A"], "first")
        made = promote(abc["C"], "better")
        time.sleep(0.01)  # Metaflow counts milliseconds
        metaflow.Run(abc["A"]).add_tag("a note")
        assert metaflow.Flow("ChurnFlow").latest_run.pathspec == abc["A"]
        assert champion() == made

    def test_the_champion_that_is_promoted_again_keeps_its_number_and_is_told(self, abc, capsys):
        made = promote(abc["A"], "first")
        assert not made.note
        assert promote("champion", "again") == made
        assert main(["promote", abc["A"], "--why", "once more"]) == 0
        told = f"{abc['A']} is the champion already (promotion 1); nothing is changed.\n"
        assert capsys.readouterr().out == told
        assert history() == [made]
        assert len(tags(abc["A"])) == 4

    def test_a_run_without_room_for_tags_is_refused(self, abc):
        made = promote(abc["A"], "first")
        metaflow.Run(abc["B"]).add_tags([f"tag {i}" for i in range(48)])
        with pytest.raises(ChurnError, match="cannot be tagged"):
            promote(abc["B"], "better")
        assert history() == [made]

    def test_a_run_tagged_by_hand_counts(self, abc):
        promote(abc["A"], "first")
        metaflow.Run(abc["B"]).add_tags(["promoted", "champion:7", "champion:x", "promotion:9 at"])
        assert champion() == Promotion(7, abc["B"], None, "")
        assert promote(abc["C"], "after it").number == 8

    @pytest.mark.parametrize(
        "tag", ["promotion:5 at noon: mine", "promotion:5 at 2026-01-01T00:00:00: no zone",
                "promotion:5", "promotion:5 at 2026-01-01T00:00:00+00:00 restoring x: mine"],
    )  # fmt: skip
    def test_evidence_that_cannot_be_read_is_no_promotion(self, abc, tag):
        made = promote(abc["A"], "first")
        metaflow.Run(abc["B"]).add_tags(["promoted", "champion:5", tag])
        assert champion() == made
        promotions, unreadable = read_history()
        assert promotions == [made]
        assert [(bad.run, bad.tag) for bad in unreadable] == [(abc["B"], tag)]

    def test_a_flow_whose_last_step_is_tried_again_is_promoted_once(self, abc):
        made = promote(abc["A"], "first", finished=False, project="left")
        assert promote(abc["A"], "first, again", finished=False, project="left") == made
        later = promote(abc["B"], "second")
        again = promote(abc["A"], "tried late", finished=False, project="left")
        assert again == made
        assert again.note == (
            f"{abc['A']} was promoted before (promotion 1), and {abc['B']} is the champion since "
            "(promotion 2); nothing is changed."
        )
        assert champion() == later

    @pytest.mark.parametrize(
        ("kind", "problem"),
        [
            ("fails", "failed in end"),
            ("killed", "running, or killed"),
            ("bare", "it has no deployment"),
            ("disagrees", "100 customers the scorer is at most 0.1 away"),
        ],
    )
    def test_a_run_that_cannot_be_served_is_refused(self, store, runs, kind, problem):
        with pytest.raises(ChurnError, match=runs[kind]) as caught:
            promote(runs[kind], "why not")
        assert problem in str(caught.value)
        assert tags(runs[kind]) == set()
        assert champion() is None

    def test_a_run_that_is_not_there_is_refused(self, store):
        with pytest.raises(ChurnError, match="There is no run ChurnFlow/1 in"):
            promote("1", "why not")

    def test_a_run_of_another_flow_is_refused(self, store):
        with pytest.raises(ChurnError, match="it is no run of ChurnFlow"):
            promote("OtherFlow/1", "why not")


class TestWhy:
    @pytest.mark.parametrize("why", ["", " \n\t ", "\x00\x07"])
    def test_has_to_be_said(self, abc, why):
        with pytest.raises(ChurnError, match="A reason is needed"):
            promote(abc["A"], why)
        assert champion() is None

    def test_is_one_line(self, abc):
        promote(abc["A"], " better:\r\n\tby 3 %,\x00 says  Zoë  at 12: restoring 4: „gut“\u2028")
        said = "better: by 3 %, says Zoë at 12: restoring 4: „gut“"
        assert champion().why == said
        assert champion().restores is None

    def test_may_have_400_characters(self, abc):
        assert promote(abc["A"], "ä" * 400) == champion()
        with pytest.raises(ChurnError, match="401 characters"):
            promote(abc["B"], "b" * 401)
        with pytest.raises(ChurnError, match="401 characters"):
            rollback("b" * 401)


class TestRollback:
    @pytest.mark.parametrize(
        ("story", "champions"),
        [
            ("AB<", "ABA"),
            ("ABC<<", "ABCBA"),  # one further, not forth again
            ("AB<C<", "ABACA"),
            ("ABC<A<<", "ABCBABA"),
            ("ABA<<", "ABABA"),
        ],
    )
    def test_goes_back_one_further_each_time(self, abc, story, champions):
        names = {run: name for name, run in abc.items()}
        seen = ""
        for letter in story:
            made = rollback("worse") if letter == "<" else promote(abc[letter], "better")
            assert champion() == made
            seen += names[made.run]
        assert seen == champions
        assert [p.number for p in history()] == list(range(len(story), 0, -1))

    def test_ends_at_the_first(self, abc):
        promote(abc["A"], "first")
        for _ in range(2):
            with pytest.raises(ChurnError, match=f"no champion before {abc['A']}"):
                rollback("not good")
            if len(history()) == 1:
                promote(abc["B"], "second")
                rollback("worse")
        assert len(history()) == 3

    def test_says_what_it_took_up_again(self, abc):
        promote(abc["A"], "first")
        promote(abc["B"], "second")
        made = rollback("complaints")
        assert (made.number, made.restores, made.why) == (3, 1, "complaints")
        assert champion() == made

    def test_to_a_run_that_cannot_be_read_is_refused(self, abc, store):
        promote(abc["A"], "first")
        made = promote(abc["B"], "second")
        (store / ".metaflow" / abc["A"] / "end").rename(store / "away")
        with pytest.raises(ChurnError, match=abc["A"]):
            rollback("worse")
        assert champion() == made


class TestProjects:
    def test_each_has_a_champion_of_its_own(self, abc, runs):
        left = promote(abc["A"], "first")
        with pytest.raises(ChurnError, match="is not promoted") as caught:
            promote(runs["bank"], "the bank's")
        assert "it is of the project 'exited'" in str(caught.value)
        assert foreign_champions("exited") == ["left"]
        bank = promote(runs["bank"], "the bank's", force=True)
        assert (bank.number, bank.project) == (2, "exited")
        assert (champion("left"), champion("exited")) == (left, bank)
        with pytest.raises(ChurnError, match="Several projects have a champion"):
            resolve_run("champion")
        assert resolve_run("champion:left") == abc["A"]
        promote(abc["B"], "better")
        assert rollback("worse", "left").run == abc["A"]
        assert champion("exited") == bank

    def test_an_unfinished_run_of_another_project_is_not_promoted_by_itself(self, abc, runs):
        promote(abc["A"], "first")
        with pytest.raises(ChurnError, match="is not promoted"):
            promote(runs["bank"], "by its flow", finished=False, project="exited")

    def test_a_contract_of_other_features_is_foreign_though_its_target_has_the_same_name(self):
        values = {"target": "churn", "positive": "yes", "negative": ["no"]}
        telecom, later, bank = (
            Contract.parse(values | {"features": {name: {"kind": "flag"} for name in names}})
            for names in (("lines", "phone", "fee"), ("lines", "phone", "fax"), ("cards", "fee"))
        )
        assert why_foreign(later, telecom) == ""
        assert why_foreign(bank.without(["fee"]), telecom).startswith("its contract has only 0 of")
        named = bank.model_copy(update={"project": "bank"})
        assert why_foreign(named, telecom) == "it is of the project 'bank', not 'churn'"
        assert why_foreign(named.without(["fee"]), named) == ""


class TestAtOnce:
    def test_of_four_processes_no_promotion_is_lost_and_no_number_given_twice(self, abc, store):
        """All promote the same two runs, as fast as they can."""
        processes = [
            start(TURNS, store, f"process {i}", *names, 11)
            for i, names in enumerate(2 * [(abc["A"], abc["B"]), (abc["B"], abc["A"])])
        ]
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        done = [tuple(each) for process in processes for each in json.loads(finish(process))]
        told = [(p.number, p.run, p.why) for p in reversed(history())]
        assert sorted(done) == told
        assert [number for number, *_ in told] == list(range(1, len(told) + 1))
        assert len({why.split(":")[0] for *_, why in told}) > 1
        assert champion() == history()[0]

    def test_a_machine_whose_number_was_taken_at_the_same_moment_moves_on(self, abc, monkeypatch):
        """As it is on a metadata service, where nobody holds a lock."""
        first = promote(abc["C"], "first")
        rival = Promotion(2, abc["B"], datetime(2026, 1, 1, tzinfo=UTC), "mine", project="left")
        unlocked = history_module.read_history
        looks = iter([lambda: metaflow.Run(rival.run).add_tags(rival.tags)])

        def meanwhile(*flow):
            """The other machine tags its run after this one has counted."""
            found = unlocked(*flow)
            next(looks, lambda: None)()
            return found

        monkeypatch.setattr(history_module, "read_history", meanwhile)
        made = promote(abc["A"], "no, mine")
        assert history() == [made, rival, first]
        assert made.number in (3, 4)
        assert made.note == (
            f"{abc['A']} is the champion now (promotion {made.number}). "
            f"Number 2 was taken by {abc['B']} at the same moment."
        )
        assert "champion:2" not in tags(abc["A"])

    def test_a_run_that_two_machines_promote_at_once_is_promoted_once(self, abc):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        both = [
            Promotion(1, abc["A"], at + timedelta(seconds=i), f"{i}", project="left")
            for i in range(2)
        ]
        for promotion in reversed(both):
            metaflow.Run(promotion.run).add_tags(promotion.tags)
        assert history() == both[:1]

    def test_until_it_has_moved_the_later_one_is_the_champion(self, abc):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        later = Promotion(2, abc["A"], at + timedelta(milliseconds=1), "mine")
        sooner = Promotion(2, abc["B"], at, "no, mine")
        promote(abc["C"], "first")
        for promotion in (later, sooner):
            metaflow.Run(promotion.run).add_tags(promotion.tags)
        assert champion() == later
        assert history()[:2] == [later, sooner]
        assert rollback("neither").run == abc["C"]

    def test_at_the_same_time_too_the_name_decides(self, abc):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        for name in "BA":
            metaflow.Run(abc[name]).add_tags(Promotion(1, abc[name], at, "mine").tags)
        assert champion().run == max(abc["A"], abc["B"])

    def test_a_promotion_killed_at_any_moment_is_there_whole_or_not_at_all(self, abc, store):
        finish(start(KILLS, store, abc["A"], abc["B"], 60))
        past = history()
        assert [p.number for p in past] == list(range(len(past), 0, -1))
        assert all(p.at and p.why for p in past)
        assert len({p.why for p in past}) > 10
        assert champion() == past[0]
        after = promote(abc["C"], "nobody holds the lock")
        assert champion() == after
        assert after.number == len(past) + 1


def test_asking_for_the_champion_costs_little_among_hundreds_of_runs(abc, store):
    multiply(store, abc["A"], 300)
    made = promote(abc["B"], "one of many")
    took = []
    for _ in range(5):
        begun = time.process_time()
        assert champion() == made
        took.append(time.process_time() - begun)
    assert min(took) < 0.1  # seconds; it takes 0.012


def tag_by_hand(run: str, *tags: str) -> None:
    metaflow.Run(run).add_tags(tags)


@pytest.mark.parametrize(
    "evidence",
    [
        "promotion:7 at yesterday: no date",
        "promotion:7 at 2025-01-01T00:00:00: no time zone",
        "promotion:7 at 2025-13-45T00:00:00+00:00: no such day",
        "promotion:7",
    ],
)
def test_evidence_that_cannot_be_read_promotes_nothing_and_is_listed(abc, evidence, capsys):
    promote(abc["A"], "the first")
    tag_by_hand(abc["B"], "promoted", "champion:7", evidence)
    assert champion().run == abc["A"]
    assert [one.run for one in history()] == [abc["A"]]
    assert main(["history"]) == 0
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if abc["B"] in line]
    assert "unreadable" in line
    assert evidence in line
    promote(abc["B"], "the second")
    assert champion().run == abc["B"]
