"""What the screen says, as tables: from a run's state to lines, labels and reasons."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from handrail.run import commands as c
from handrail.run.plan import Usual
from handrail.run.state import StepStatus
from handrail.tui.presenters.actions import BY_NAME, open_actions, why_blocked
from handrail.tui.presenters.countdown import countdown_view
from handrail.tui.presenters.detail import detail_lines, way_back
from handrail.tui.presenters.digits import large
from handrail.tui.presenters.header import header_lines, target_parts
from handrail.tui.presenters.keys import key_lines
from handrail.tui.presenters.line import Tone, line, shortened, spread, text_of
from handrail.tui.presenters.prose import prose_lines
from handrail.tui.presenters.rollback import (
    other_way_lines,
    other_way_time,
    rollback_lines,
    rollback_time,
)
from handrail.tui.presenters.steps import SIGNS, row_line, step_rows
from handrail.tui.presenters.summary import summary_lines
from tui.driver import OPERATOR, RUN, WATCHER, Engine
from tui.plans import ROLLBACK_CODE, TARGET, deploy_plan, other_way_plan


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(deploy_plan(), tmp_path)


def run_until(engine: Engine, key: str) -> None:
    """Let every step before `key` pass."""
    session = engine.session()
    while (step := engine.state.current) is not None and step.key != key:
        session.send(c.StartStep(step=step.key))
        engine.work()
        assert engine.state.running is not None, f"{step.key} did not start"
        while engine.state.running is not None:
            engine.end(verdict="pass", facts={"previous_release": "v1.2.3"})


def start(engine: Engine) -> None:
    engine.session().send(c.StartStep(step=engine.state.current.key))
    engine.work()


def test_every_state_has_a_sign_and_a_word_of_its_own() -> None:
    assert set(SIGNS) == set(StepStatus)
    assert len({(sign.glyph, sign.word) for sign in SIGNS.values()}) == len(SIGNS)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abcd", 1, "…"), ("abcd", 0, "")],
)
def test_shortened(text: str, width: int, expected: str) -> None:
    assert shortened(text, width) == expected


@pytest.mark.parametrize("width", [1, 5, 12, 20, 80])
def test_spread_never_exceeds_its_width(width: int) -> None:
    spread_line = spread(line("a long left part", ("and more", Tone.BAD)), line("right"), width)
    assert len(text_of(spread_line)) == width


@pytest.mark.parametrize("width", [30, 39, 40, 52, 80])
def test_rows_fit_their_width(engine: Engine, width: int) -> None:
    run_until(engine, "smoke")
    start(engine)
    for row in step_rows(engine.state, engine.clock.now()):
        assert len(text_of(row_line(row, width, selected=True))) <= width


def test_rows_say_what_happened(engine: Engine) -> None:
    run_until(engine, "install")
    start(engine)
    engine.clock.advance(timedelta(seconds=12))
    rows = {row.key: text_of(row_line(row, 60)) for row in step_rows(engine.state, engine.clock.now())}
    assert rows["checkout"].split() == [
        "✓",
        "Check",
        "out",
        "the",
        "release",
        "done",
        "2s",
        "(estimate",
        "4s)",
    ]
    assert rows["install"].split() == ["▶", "Install", "dependencies", "running", "12s", "(usually", "38s)"]
    assert rows["migrate"].split() == ["·", "Run", "database", "migrations", "~10s"]


@pytest.mark.parametrize(
    ("name", "production", "words", "tone"),
    [
        ("production", True, " PRODUCTION ", Tone.PRODUCTION),
        ("shop-eu", True, " PRODUCTION · shop-eu ", Tone.PRODUCTION),
        ("staging", False, " staging ", Tone.STRONG),
    ],
)
def test_production_is_said_in_words(name: str, production: bool, words: str, tone: Tone) -> None:
    target = TARGET.model_copy(update={"name": name, "production": production})
    assert target_parts(target) == ((words, tone),)


@pytest.mark.parametrize("width", [40, 59, 60, 80, 160])
def test_the_header_fits_and_says_who_drives(engine: Engine, width: int) -> None:
    start(engine)
    for actor, who in ((OPERATOR, "You drive"), (WATCHER, "WATCHING")):
        lines = header_lines(engine.state, actor, engine.clock.now(), width)
        assert all(len(text_of(part)) == width for part in lines)
        assert any(who in text_of(part) for part in lines)
        assert "0s, estimate 2s" in text_of(lines[-1])


@pytest.mark.parametrize(
    ("after", "start_by", "done_by", "status"),
    [
        (0, "4:05", "4:58", "immediate"),
        (245, "0:00", "0:53", "immediate"),
        (250, "-0:05", "0:48", "missed by 5s"),
        (310, "-1:05", "-0:12", "MISSED"),
    ],
)
def test_countdown(engine: Engine, after: int, start_by: str, done_by: str, status: str) -> None:
    run_until(engine, "smoke")
    assert countdown_view(engine.state, engine.clock.now()) is None
    start(engine)
    engine.end(1, verdict="fail")
    engine.time_passes(after)
    view = countdown_view(engine.state, engine.clock.now())
    assert view is not None
    assert (view.start_by, view.done_by) == (start_by, done_by)
    assert text_of(view.done_by_words[2]) == status
    assert text_of(view.start_by_words[1]) == "rollback takes 53s"
    assert text_of(view.start_by_words[2]) == "estimated"


def test_a_measured_rollback_is_called_measured(tmp_path: Path) -> None:
    keys = [f"undo/rollback-code/{step.key}" for step in ROLLBACK_CODE] + ["undo/maintenance"]
    usual = {key: Usual(median=4, high=6, count=5) for key in keys}
    engine = Engine(deploy_plan(usual=usual), tmp_path)
    run_until(engine, "smoke")
    start(engine)
    engine.end(1, verdict="fail")
    view = countdown_view(engine.state, engine.clock.now())
    assert view is not None
    assert text_of(view.start_by_words[1]) == "rollback takes 30s"
    assert text_of(view.start_by_words[2]) == "measured 5 times"
    assert "Takes 30s (measured 5 times)" in text_of(rollback_time(engine.state, engine.clock.now()))


@pytest.mark.parametrize("face", ["0:00", "12:34", "-0:59", "1:02:03", "6789:50"])
def test_large_digits_are_three_rows_of_one_width(face: str) -> None:
    rows = large(face)
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize(
    ("until", "ends", "expected"),
    [
        ("announce", None, ["run", "skip", "mark_done", "note", "abort"]),
        ("announce", "running", ["cancel", "note", "trouble"]),
        ("checkout", None, ["run", "roll_back", "skip", "mark_done", "note", "trouble", "abort"]),
        ("checkout", "failed", ["retry", "roll_back", "skip", "mark_done", "note", "trouble", "abort"]),
        ("checkout", "doubt", ["yes", "no", "roll_back", "note", "trouble", "abort"]),
        ("migrate", "held", ["run", "waive", "roll_back", "skip", "mark_done", "note", "trouble", "abort"]),
        (
            "smoke",
            "failed",
            [
                "roll_back",
                "retry",
                "close_trigger",
                "extend",
                "skip",
                "mark_done",
                "note",
                "trouble",
                "abort",
            ],
        ),
        ("dashboards", None, ["yes", "no", "roll_back", "skip", "mark_done", "note", "trouble", "abort"]),
    ],
)
def test_what_can_be_done_comes_in_order(
    engine: Engine, until: str, ends: str | None, expected: list[str]
) -> None:
    run_until(engine, until)
    if ends is not None:
        start(engine)
    if ends == "failed":
        engine.end(1)
    elif ends == "held":
        engine.end(verdict="fail")
    elif ends == "doubt":
        engine.doubt()
        engine.end(evidence="HEAD is v1.3.1")
    assert [action.name for action in open_actions(engine.state, OPERATOR)] == expected
    for width in (40, 80, 160):
        shown = key_lines(engine.state, OPERATOR, width)
        assert all(len(text_of(row)) <= width for row in shown)
        assert text_of(shown[-1]).endswith("q Detach  ? Keys")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("roll_back", "Nothing has been run yet: there is nothing to take back. Abort the run instead."),
        ("cancel", "Nothing is running that could be cancelled."),
        ("close_trigger", "No rollback trigger is open."),
        ("hand_over", "Nobody has asked to take over."),
        ("other_way", "Nothing is being rolled back: another way is for an undo that failed."),
        ("run", None),
    ],
)
def test_why_blocked(engine: Engine, name: str, why: str | None) -> None:
    assert why_blocked(BY_NAME[name], engine.state, OPERATOR) == why


@pytest.fixture
def way_down_failed(tmp_path: Path) -> Engine:
    """A rollback whose first undo, the migrations' way down, has failed."""
    engine = Engine(other_way_plan(), tmp_path)
    run_until(engine, "smoke")
    start(engine)
    engine.end(1, verdict="fail", facts={"backup": "/backups/a b.dump"})
    engine.session().send(c.RollBack(confirm="production"))
    engine.work()
    engine.end(1, evidence="the column exists")
    return engine


COMMAND = "handrail run restore-database --target production --param 'backup=/backups/a b.dump'"


def test_the_other_way_is_offered_at_the_undo_that_failed(way_down_failed: Engine) -> None:
    state = way_down_failed.state
    names = [action.name for action in open_actions(state, OPERATOR)]
    assert names == ["retry", "other_way", "extend", "skip", "mark_done", "note", "trouble", "abort"]
    assert "o Restore the database instead" in text_of(key_lines(state, OPERATOR, 80)[0])
    narrow = [text_of(row) for row in key_lines(state, OPERATOR, 40)]
    assert any("o Other way" in row for row in narrow)
    assert all(len(row) <= 40 for row in narrow)
    detail = [text_of(row) for row in detail_lines(state, state.current)]
    assert "If it fails (o): Restore the database" in detail
    assert f"  {COMMAND}" in detail


def test_before_the_other_way_stands_what_it_does_and_loses(way_down_failed: Engine) -> None:
    engine = way_down_failed
    text = "\n".join(text_of(row) for row in other_way_lines(engine.state))
    for words in (
        "Failed: Undo: Run database migrations: the column exists",
        "1. Look what was written since the backup (20s, estimated)",
        "2. Somebody answers for the loss (40s, estimated, asks you)",
        "3. Restore the backup (1m 00s, estimated)",
        "✗ Restore the backup: what was written since is lost",
        "Then the rollback goes on (5):\n  · Check out the previous release",
        COMMAND,
    ):
        assert words in text
    # 50 s of code, 3 s of maintenance and 120 s of the other way; 296 s are left.
    assert text_of(other_way_time(engine.state, engine.clock.now())) == (
        "Takes 2m 53s (estimated); deadline in 4:56: in time, 2m 03s to spare"
    )
    engine.time_passes(200)
    assert "will miss it by 1m 17s" in text_of(other_way_time(engine.state, engine.clock.now()))


def test_a_replaced_undo_says_so_wherever_it_is_shown(way_down_failed: Engine) -> None:
    engine = way_down_failed
    key = engine.state.current.key
    engine.session().send(c.TakeOtherWay(step=key, confirm="production"))
    engine.work()
    step = engine.state.steps[key]
    [row] = [row for row in step_rows(engine.state, engine.clock.now()) if row.key == key]
    assert (row.glyph, row.word) == ("↷", "replaced")
    standing = [text_of(row) for row in detail_lines(engine.state, step)]
    assert "Replaced: Restore the database was taken instead. Before: the column exists" in standing
    assert not any("If it fails" in row for row in standing)
    engine.end(verdict="pass")
    engine.session().send(c.Attest(step=engine.state.current.key))
    engine.work()
    while engine.state.running is not None:
        engine.end(verdict="pass")
    summary = "\n".join(text_of(row) for row in summary_lines(engine.state))
    assert "Not taken back:\n  ✗ Restore the backup: what was written since is lost" in summary
    assert "Run database migrations: dropped columns" not in summary


def test_the_rollback_says_what_there_is_if_its_undo_fails(tmp_path: Path) -> None:
    engine = Engine(other_way_plan(), tmp_path)
    run_until(engine, "restart")
    lines = [text_of(row) for row in rollback_lines(engine.state)]
    undo = next(n for n, row in enumerate(lines) if "Undo: Run database migrations" in row)
    assert lines[undo + 1].strip() == (
        "if it fails: Restore the database (not as it stands: no step has reported backup)"
    )
    assert COMMAND not in "\n".join(lines), "there is no backup yet"
    migrate = engine.state.steps["migrate"]
    assert way_back(migrate.planned) == "task database.migrate_down; if that fails: Restore the database"


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("", []),
        ("one\ntwo", ["one two"]),
        ("a\n\nb", ["a", "", "b"]),
        ("- a\n- b\n  - c\n\nd", ["• a", "• b", "  • c", "", "d"]),
        ("3. a\n4. b", ["3. a", "4. b"]),
        ("**bold** and `code`", ["bold and code"]),
        ("[text](https://x.example)", ["(https://x.example) text"]),
        ("```bash\nmake\n```", ["  make"]),
        ("# Head", ["Head"]),
        ("<b>raw</b>", ["<b>raw</b>"]),
        ("a \x1b[2J b", ["a ␛[2J b"]),
    ],
)
def test_prose(markdown: str, expected: list[str]) -> None:
    assert [text_of(part) for part in prose_lines(markdown)] == expected


def test_the_summary_says_how_it_ended(engine: Engine) -> None:
    run_until(engine, "smoke")
    start(engine)
    engine.end(1, verdict="fail")
    session = engine.session()
    session.send(c.RollBack(confirm="production"))
    engine.work()
    while engine.state.running is not None:
        engine.end(facts={"served_version": "v1.2.3"})
    text = "\n".join(text_of(part) for part in summary_lines(engine.state))
    for words in ("served_version = v1.2.3", "met, 4m 48s to spare", "5 of 5 steps done, in 10s", "lock"[1:]):
        assert words in text
    assert engine.state.run == RUN


def test_an_aborted_run_says_what_was_left_open(engine: Engine) -> None:
    run_until(engine, "smoke")
    start(engine)
    engine.end(1, verdict="fail", evidence="POST /checkout answered 500")
    engine.session().send(c.AbortRun(reason="the page is for staff only"))
    engine.work()
    text = "\n".join(text_of(part) for part in summary_lines(engine.state))
    assert "POST /checkout answered 500; no rollback was made" in text
    assert "deploy@bastion: the page is for staff only" in text
