"""What stands in a report: the run, its people, deadline, signals and steps; decided before any markup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from handrail.reports.page.document import (
    Block,
    Chart,
    DeadlinePicture,
    Document,
    Facts,
    Log,
    Mark,
    Paragraph,
    Section,
    Table,
    Tone,
)
from handrail.reports.page.report import document
from handrail.reports.page.source import LogTail
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.plan import Emergency, PlannedOtherWay
from handrail.signals.window import Tally
from reported import ON_CALL, ReportedWalk, in_time, log, report_of, too_late
from walk import OPERATOR, WATCHER, Walk, attest, gate, smoke, task, undo
from watched import WatchedWalk


def section(made: Document, title: str) -> Section:
    [found] = [each for each in made.sections if each.title == title]
    return found


def all_sections(sections: tuple[Section, ...]) -> Iterator[Section]:
    for each in sections:
        yield each
        yield from all_sections(each.sections)


def blocks(made: Document, kind: type) -> list[Block]:
    return [block for each in all_sections(made.sections) for block in each.blocks if isinstance(block, kind)]


def words(block: object) -> str:
    """All the text in a block or a section."""
    return repr(block)


def facts(section: Section) -> dict[str, object]:
    return {name: value for block in section.blocks if isinstance(block, Facts) for name, value in block.rows}


def test_the_head_says_which_run_where_and_how_it_ended() -> None:
    made = document(report_of(in_time()))
    assert made.banner.text == "PRODUCTION: production"
    assert made.result == Mark("rolled back", Tone.WARNING)
    said = facts(section(made, "This run"))
    assert said["Operators"] == "operator@web-1, on-call-engineer@web-1"
    assert (said["Opened"], said["Closed"]) == ("2026-07-28 14:03:00 UTC", "2026-07-28 14:19:58 UTC")
    assert said["Took"] == "16m 58s"


def test_in_short_it_says_what_was_shipped_and_whether_the_deadline_was_met() -> None:
    text = words(section(document(report_of(in_time())), "In short"))
    for said in (
        "“Gift notes” (v1.3.1)",
        "Before, v1.3.0 was served.",
        "4 of its 6 steps",
        "1 check was waived",
    ):
        assert said in text
    assert "The rollback was done in 1m 00s, 9m 00s before its deadline at 14:28:58 UTC." in text


@pytest.mark.parametrize(
    ("walk", "tone", "said", "letters"),
    [
        (
            in_time,
            Tone.GOOD,
            "9m 00s before its deadline",
            (
                "the evidence began, it was noticed, the rollback began, the rollback was done, "
                "the last safe moment to begin, the deadline"
            ),
        ),
        (
            too_late,
            Tone.BAD,
            "The rollback MISSED its deadline at 14:30:58 UTC by 4m 00s; it took 1m 00s.",
            (
                "the evidence began, it was noticed, the last safe moment to begin, the deadline, "
                "the rollback began, the rollback was done"
            ),
        ),
    ],
)
def test_the_rollback_is_held_against_its_deadline(walk, tone: Tone, said: str, letters: str) -> None:
    part = section(document(report_of(walk())), "The rollback against its deadline")
    [picture] = [block for block in part.blocks if isinstance(block, DeadlinePicture)]
    assert said in picture.words
    assert next(block for block in part.blocks if isinstance(block, Paragraph)).tone is tone
    assert [m.name for m in picture.moments] == letters.split(", ")
    assert [bar.name for bar in picture.bars] == [
        "Not noticed yet",
        "Noticed; the rollback not begun yet",
        "Undo: Restart the processes: passed, 20s",
        "Undo: Build the release: passed, 40s",
    ]
    done = picture.moments[-1 if tone is Tone.BAD else 3].seconds
    assert (done > picture.deadline) is (tone is Tone.BAD)
    assert picture.seconds > max(done, picture.deadline)


def test_an_extension_and_who_gave_it_stand_with_the_first_deadline() -> None:
    part = section(document(report_of(too_late())), "The rollback against its deadline")
    said = facts(part.sections[0])
    assert said["Deadline"] == "14:30:58 UTC (first: 14:28:58 UTC)"
    assert said["Extended by"] == "operator@web-1: the vendor may mend it"


def test_a_trigger_that_was_closed_is_told_with_who_and_why() -> None:
    walk = ReportedWalk().deployed().gone_bad()
    walk.do(c.CloseTrigger(trigger=1, reason="the monitor of the load balancer, not ours"))
    part = section(document(report_of(walk)), "Reasons to roll back, and their deadlines")
    assert "closed without a rollback, by operator@web-1: the monitor of the load balancer" in words(part)
    assert "a person closed it" in words(part)


@pytest.mark.parametrize(
    ("wait", "said"), [(0, "it must be done by 14:28:58 UTC, in 12m 00s"), (13, "was missed 1m 00s ago")]
)
def test_an_open_deadline_counts_to_the_moment_of_writing(wait: int, said: str) -> None:
    walk = ReportedWalk().deployed().gone_bad()
    walk.wait(wait * 60)
    made = document(report_of(walk))
    assert said in words(made)
    assert made.result.text == "still open: running"
    assert "This run is still open. Written at" in words(section(made, "This run"))


def test_an_aborted_run_owes_what_its_trigger_asked_for() -> None:
    walk = ReportedWalk().deployed().gone_bad()
    walk.do(c.AbortRun(reason="we mend it by hand"))
    made = document(report_of(walk))
    assert "The run was ended with trigger 1 open" in words(made)
    assert facts(section(made, "This run"))["Closed"].endswith("(operator@web-1: we mend it by hand)")


def test_a_rollback_without_a_trigger_has_no_deadline() -> None:
    walk = Walk(task("build", undo=undo("build")), attest("look"))
    walk.run("build")
    walk.roll_back()
    walk.end()
    assert "no trigger had set it a deadline" in words(section(document(report_of(walk)), "The rollback"))


def test_everybody_stands_with_what_they_did() -> None:
    made = document(report_of(too_late()))
    people = {each.title: words(each) for each in section(made, "Who did what").sections}
    assert list(people) == [OPERATOR.name, ON_CALL.name]
    for said in (
        "opened the run",
        "says: The release is agreed on holds",
        "waived the check review.approved",
    ):
        assert said in people[OPERATOR.name]
    assert "extended the deadline of trigger 1" in people[OPERATOR.name]
    for said in (
        "passes on what users report",
        "took over, and drove the run",
        "notes: ",
        "rolls back: customers",
    ):
        assert said in people[ON_CALL.name]


def test_steps_that_one_person_started_in_a_row_are_one_act() -> None:
    walk = Walk(task("a"), task("b"), attest("c"), task("d"))

    def started(step: str, issuer=OPERATOR) -> None:
        walk._take([e.CommandAccepted(command_id=1, command="StartStep", issuer=issuer)])
        walk.start(step)
        walk.end()

    started("a")
    started("b")
    walk._take([e.CommandAccepted(command_id=1, command="Attest", issuer=OPERATOR)])
    walk.do(c.Attest(step="c", holds=True))
    started("d")
    [person] = section(document(report_of(walk)), "Who did what").sections
    [table] = person.blocks
    assert [row[1] for row in table.rows] == [
        "opened the run: Deploy on production",
        "started 2 steps: A, B",
        "says: C holds",
        "started: D",
    ]


def test_waivers_and_skipped_rules_stand_with_who_and_why() -> None:
    emergency = Emergency(incident="INC-7", on_call="@x", skipped={"staging.soaked": "the shop is down"})
    steps = (task("build", gate=(gate("staging.soaked"), gate("suite.passed"))), attest("look"))
    walk = Walk(*steps, emergency=emergency)
    walk.do(c.WaiveCheck(step="build", check="suite.passed", reason="the runner is down"))
    walk.run("build")
    walk.do(c.SkipStep(step="look", reason="no dashboards tonight"))
    made = document(report_of(walk))
    [table] = section(made, "Waivers and what was left out").blocks
    assert [tuple(getattr(cell, "text", cell) for cell in row) for row in table.rows] == [
        ("skipped", "staging.soaked", "Build", "emergency INC-7", "the shop is down"),
        ("waived", "suite.passed", "Build", "operator@web-1", "the runner is down"),
        ("skipped", "the whole step", "Look", "operator@web-1", "no dashboards tonight"),
    ]
    assert "Emergency INC-7. On call: @x. Rules that it skipped: staging.soaked" in words(made)
    assert "1 check was waived." in words(made)


def test_each_signal_has_its_verdict_its_values_and_a_chart() -> None:
    made = document(report_of(in_time()))
    part = section(made, "The watch")
    [table] = [block for block in part.blocks if isinstance(block, Table) and block.caption == "Every signal"]
    rows = {row[0]: row for row in table.rows}
    assert rows["visitors"][1] == Mark("bad", Tone.BAD)
    assert rows["visitors"][4] == "0.55%"
    assert rows["visitors time"][2].startswith("p50 1")
    assert rows["orders"][1].text == "not judged"
    assert rows["orders"][5] == "107, 13 unknown"
    charts = {each.title: next(b for b in each.blocks if isinstance(b, Chart)) for each in part.sections}
    assert list(charts) == ["visitors", "visitors time", "memory", "restarts", "orders"]
    errors = charts["visitors"]
    assert [level.name for level in errors.levels] == ["baseline", "threshold"]
    assert max(value for _, value in errors.curves[0].points if value is not None) == pytest.approx(0.125)
    assert [curve.name for curve in charts["visitors time"].curves] == ["p50", "p95"]
    assert [span.name for span in errors.spans] == ["baseline", "watch"]
    assert [m.name for m in errors.moments][:3] == [
        "the first change: Build the release",
        "the watch began",
        "evidence of trigger 1 began",
    ]
    assert charts["memory"].low > 0  # a level that never comes near zero is shown close up
    assert "How the verdict changed" in words(part.sections[0])


def test_a_while_without_samples_is_a_gap_and_not_a_line() -> None:
    walk = ReportedWalk().deployed()
    walk.clock.advance(timedelta(minutes=4))
    walk.sampled(12)
    part = section(document(report_of(walk)), "The watch")
    [chart] = [b for b in part.sections[0].blocks if isinstance(b, Chart)]
    gaps = [at for at, value in chart.curves[0].points if value is None]
    assert len(gaps) == 2  # before the deploy's windows, and the four minutes
    assert len(chart.blind) == 0


def test_a_while_in_which_every_look_failed_is_marked_as_blind() -> None:
    walk = WatchedWalk().deployed()
    walk.windows(24, visitors=Tally(unknown=5, why="the access log can't be read"))
    part = section(document(report_of(walk)), "The watch")
    [chart] = [b for b in part.sections[0].blocks if isinstance(b, Chart)]
    assert sum(bar.end - bar.begin for bar in chart.blind) == pytest.approx(120)


def test_a_run_without_a_watch_has_no_section_for_it() -> None:
    walk = Walk(task("build"))
    walk.run("build")
    titles = [each.title for each in document(report_of(walk)).sections]
    assert "The watch" not in titles
    assert "The rollback against its deadline" not in titles


def failed() -> Walk:
    walk = Walk(task("build", undo=undo("build"), probe=None), smoke())
    walk.run("build")
    walk.start("smoke")
    walk.clock.advance(timedelta(seconds=7))
    walk.end(1, evidence="checkout answers 500", left_behind=("node (pid 42)",), log_bytes=99)
    return walk


def test_a_failed_attempt_shows_more_of_its_log_and_shows_it_at_once() -> None:
    long = LogTail(tuple(f"line {n}" for n in range(60)), 123_456, whole=False)
    made = document(report_of(failed(), {1: long, 2: long}))
    logs = [block for block in blocks(made, Log) if isinstance(block, Log)]
    assert [(len(each.lines), each.opened, each.lines[-1]) for each in logs] == [
        (15, False, "line 59"),
        (60, True, "line 59"),
    ]
    assert "the last 15 lines of 121 KiB" in logs[0].title
    assert "exit code 1" in words(made)
    assert "still running after it: node (pid 42)" in words(made)


def test_a_log_that_is_gone_is_said_to_be() -> None:
    assert "Log of attempt 2, do.smoke: its file is not here any more." in words(
        document(report_of(failed(), {1: log(1)}))
    )


def test_a_long_line_is_cut() -> None:
    made = document(report_of(failed(), {1: LogTail(("x" * 5000,), 5000, whole=True)}))
    [shown] = blocks(made, Log)
    assert len(shown.lines[0]) == 400


def test_checks_are_shown_with_every_try_and_their_evidence() -> None:
    made = document(report_of(in_time()))
    [table] = [block for block in blocks(made, Table) if block.caption == "Checks before this step"]
    assert [(row[0].text, row[1].text, row[2]) for row in table.rows] == [
        ("suite.passed", "pass", "211 tests passed for 8f2c11d"),
        ("suite.passed", "pass", "211 tests passed for 8f2c11d"),
        ("review.approved", "fail", "nobody has approved 8f2c11d"),
        ("review.approved", "waived", "operator@web-1: paired on it; the reviewer is away"),
    ]


def test_a_check_that_says_pass_and_ends_badly_is_not_shown_as_good() -> None:
    walk = Walk(task("build", gate=(gate("suite.passed"),)))
    walk.start("build")
    walk.end(1, verdict="pass", evidence="all fine")
    [table] = [b for b in blocks(document(report_of(walk)), Table) if b.caption == "Checks before this step"]
    assert table.rows[0][1].tone is not Tone.GOOD


def test_a_step_in_doubt_its_probe_and_the_answer_are_told() -> None:
    walk = Walk(task("build", probe=task("x").call), task("b"))
    walk.start("build")
    walk.see(c.ObserveDoubt(attempt=1, evidence="the machine went down"))
    made = words(document(report_of(walk)))
    assert "in doubt" in made
    assert "the machine went down" in made


def test_what_another_way_replaced_and_what_stays_is_told() -> None:
    other = PlannedOtherWay(runbook="back", title="Restore", arguments={})
    walk = Walk(
        task("migrate", undo=undo("migrate", otherwise=other)),
        task("tell", irreversible="it was said"),
        smoke(),
        undo_runbooks={"back": (task("restore"),)},
    )
    walk.run("migrate", "tell")
    walk.start("smoke")
    walk.end(1)
    walk.roll_back()
    walk.end(1, evidence="the column exists")
    walk.do(c.TakeOtherWay(step="undo/migrate", confirm="production", reason="no way down"), OPERATOR)
    walk.end()
    made = words(document(report_of(walk)))
    assert "It is part of another way, taken instead of Undo: Migrate." in made
    assert "Tell: it was said" in made
    assert "Undo: Migrate: replaced" in made


def test_damage_and_foreign_events_come_first() -> None:
    walk = failed()
    walk._take([e.ForeignEvents(first=3, last=4)])
    first = section(document(report_of(walk, damage=("event 7 was changed",))), "This run")
    assert "THE JOURNAL OF THIS RUN IS DAMAGED: event 7 was changed" in first.blocks[0].text
    assert "events 3 to 4 were not written" in first.blocks[1].text


def test_what_was_not_masked_is_said() -> None:
    made = document(report_of(failed(), unread_secrets=("DATABASE_URL",)))
    assert "NOT masked" in words(section(made, "What is masked"))
    assert "DATABASE_URL" in words(section(made, "What is masked"))


def test_notes_of_watchers_and_the_whole_timeline_are_in_it() -> None:
    walk = failed()
    walk.do(c.AddNote(text="the phone rings"), WATCHER)
    made = document(report_of(walk))
    assert "the phone rings" in words(section(made, "Notes"))
    [table] = section(made, "Timeline").blocks
    assert any("ROLLBACK TRIGGER 1" in row[1] for row in table.rows)
