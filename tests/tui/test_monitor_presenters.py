"""What the screen says of a watch and its deadlines, as tables: every line within its width, nothing lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from handrail.reports.signals import signals_seen
from handrail.run import commands as c
from handrail.tui.presenters.actions import BY_NAME, open_actions, why_blocked
from handrail.tui.presenters.chart import large_chart, small_chart
from handrail.tui.presenters.countdown import countdown_notes, countdown_view
from handrail.tui.presenters.detail import detail_lines, detail_title
from handrail.tui.presenters.header import header_lines
from handrail.tui.presenters.keys import key_lines, monitor_key_lines
from handrail.tui.presenters.line import Tone, text_of
from handrail.tui.presenters.log import LogSeen, log_title
from handrail.tui.presenters.monitor import (
    heading_line,
    signal_line,
    signal_rows,
    signal_title,
    signal_words,
    standing_line,
)
from handrail.tui.presenters.questions import needs_text, placeholder, question
from handrail.tui.presenters.steps import row_line, step_rows
from handrail.tui.presenters.summary import summary_lines
from tui.driver import OPERATOR, WATCHER, Engine
from tui.plans import watched_plan
from tui.watches import late, rolling_back, triggered, watching

WIDTHS = [40, 60, 80, 100, 160]
STATES = {
    "new": lambda folder: Engine(watched_plan(), folder),
    "watching": watching,
    "triggered": triggered,
    "foretold": lambda folder: triggered(folder, by_itself=True),
    "late": late,
    "rolling back": rolling_back,
}


def words(lines: object) -> str:
    return "\n".join(text_of(row) for row in lines)  # type: ignore[attr-defined]


@pytest.fixture(scope="module", params=STATES)
def some(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return STATES[request.param](tmp_path_factory.mktemp("run"))


def test_every_line_fits_its_width(some: Engine) -> None:
    state, now = some.state, some.clock.now()
    table = signals_seen(state)
    for width in WIDTHS:
        rows = signal_rows(state, table, width)
        made = [
            *header_lines(state, OPERATOR, now, width),
            *(row_line(row, width) for row in step_rows(state, now)),
            heading_line(state, width),
            heading_line(state, width, (rows, rows)),
            standing_line(state, width),
            *(signal_line(row, width, selected=True) for row in rows),
            *key_lines(state, OPERATOR, width),
            *monitor_key_lines(state, OPERATOR, width),
            *countdown_notes(state, now, width, 3),
        ]
        for seen in table:
            made += signal_words(seen, width, 3)
            made += large_chart(state, seen, width, 8)
        assert all(len(text_of(row)) <= width for row in made), width
        assert all(
            seen.signal.name in text_of(signal_line(row, width))
            for seen, row in zip(table, rows, strict=True)
        )
        assert all(
            seen.word in text_of(signal_line(row, width)) for seen, row in zip(table, rows, strict=True)
        )


def test_what_is_bad_and_out_of_view_is_counted(tmp_path: Path) -> None:
    state = triggered(tmp_path).state
    rows = signal_rows(state, signals_seen(state), 80)
    bad = sum(row.tone is Tone.BAD for row in rows)
    assert bad
    assert text_of(heading_line(state, 80, ((), rows))).endswith(f" ▼ {bad} bad below ")
    both = text_of(heading_line(state, 80, (rows, rows)))
    assert both.endswith(f" ▲ {bad} bad above, ▼ {bad} bad below ")
    assert "bad" not in text_of(
        heading_line(state, 80, ((), [row for row in rows if row.tone is not Tone.BAD]))
    )


def test_notes_never_take_more_rows_than_there_are(some: Engine) -> None:
    for rows in (2, 3, 6):
        for width in WIDTHS:
            assert len(countdown_notes(some.state, some.clock.now(), width, rows)) <= rows


def test_a_watch_is_under_way_wherever_it_is_shown(tmp_path: Path) -> None:
    engine = watching(tmp_path, 12)
    state, now = engine.state, engine.clock.now()
    assert state.running is None
    assert "◉ watching 12m 00s of 30m clean  Watch the release" in words(
        header_lines(state, OPERATOR, now, 80)
    )
    [row] = [row for row in step_rows(state, now) if row.key == "watch"]
    assert "watching 40%" in text_of(row_line(row, 40))
    assert "watching 40% (12m 00s of 30m clean)" in text_of(row_line(row, 80))
    step = state.steps["watch"]
    assert "◉ Watching 12m 00s of 30m clean" in text_of(detail_title(state, step, now))
    detail = words(detail_lines(state, step, (), signals_seen(state)))
    assert "✓ good health" in detail
    assert "No log" in text_of(log_title(state, None, LogSeen(), step=step))
    assert "m Monitor" in words(key_lines(state, OPERATOR, 80))


def test_a_baseline_is_under_way_too(tmp_path: Path) -> None:
    engine = Engine(watched_plan(), tmp_path)
    engine.session().send(c.StartStep(step="baseline"))
    engine.work()
    engine.watch_for(0.5)
    state, now = engine.state, engine.clock.now()
    assert "◉ baseline: 30s of 1m sampled" in words(header_lines(state, OPERATOR, now, 80))
    [row] = [row for row in step_rows(state, now) if row.key == "baseline"]
    assert row.word == "sampling 50%"
    assert "Baseline: 30s of 1m sampled" in text_of(standing_line(state, 80))
    assert "ends by itself, or skip it" in (why_blocked(BY_NAME["cancel"], state, OPERATOR) or "")


def test_a_watch_that_found_something_says_what(tmp_path: Path) -> None:
    state = triggered(tmp_path).state
    table = signals_seen(state)
    rows = {row.key: row for row in signal_rows(state, table, 80)}
    assert (rows["health"].sign, rows["health"].word, rows["health"].tone) == ("✗", "BAD", Tone.BAD)
    assert rows["health"].values[0] == "30%"
    assert (rows["memory"].sign, rows["memory"].word) == ("✓", "good")
    assert text_of(signal_title(table[0])).startswith("✗ BAD")
    assert "1 BAD" in words(header_lines(state, OPERATOR, state.opened, 80))


def test_charts_mark_what_happened_and_never_invent_a_zero(tmp_path: Path) -> None:
    engine = watching(tmp_path, 2)
    engine.watch_for(1, memory=[None])
    engine.watch_for(1)
    state = engine.state
    seen = signals_seen(state)[3]
    chart = [text_of(row) for row in large_chart(state, seen, 80, 8)]
    assert len(chart) == 8
    assert all(sign in chart[-2] for sign in "D═W")
    assert all(name in chart[-1] for name in ("═ baseline", "D deploy", "W watch", "now"))
    assert "base 410MB" in "\n".join(chart)
    assert "·····" in chart[-3]
    assert "█" in chart[-3]
    assert text_of(small_chart(seen, (4.1e8, None, 4.1e8))) == "▅·▅"
    zero = signals_seen(state)[0]
    assert text_of(small_chart(zero, (0.0, None, 1.0))) == "▁·█"


@pytest.mark.parametrize(("width", "height"), [(18, 8), (80, 3), (0, 0), (80, -1)])
def test_without_room_there_is_no_chart(tmp_path: Path, width: int, height: int) -> None:
    state = watching(tmp_path, 1).state
    assert large_chart(state, signals_seen(state)[0], width, height) == ()


@pytest.mark.parametrize(
    ("before", "stage", "name", "headline", "tone"),
    [
        (600, "calm", "to START safely", "ROLL BACK within 15m ", Tone.WARN),
        (200, "soon", "START IT SOON", "ROLL BACK within 15m ", Tone.WARN),
        (40, "now", "START IT NOW", "ROLL BACK within 15m, NOW", Tone.BAD),
        (-20, "too late", "past safe start", "ROLL BACK within 15m, TOO LATE", Tone.ALARM),
        (-60, "missed", "past safe start", "ROLL BACK within 15m, MISSED", Tone.ALARM),
    ],
)
def test_words_and_colours_change_as_it_nears(
    tmp_path: Path, before: float, stage: str, name: str, headline: str, tone: Tone
) -> None:
    engine = triggered(tmp_path)
    trigger = engine.state.open_triggers[0]
    at = trigger.deadline.plus(timedelta(seconds=-55 - before))
    view = countdown_view(engine.state, at)
    assert view is not None
    assert view.stage.value == stage
    assert text_of(view.start_by_words[0]) == name
    assert headline in text_of(view.headline)
    assert view.start_by_tone is view.done_by_tone is tone


def test_after_the_last_safe_moment_it_says_how_late_and_what_is_fastest(tmp_path: Path) -> None:
    engine = late(tmp_path)
    now = engine.clock.now()
    said = " ".join(words(countdown_notes(engine.state, now, 80, 3)).split())
    done = f"{now.plus(timedelta(seconds=55)).datetime():%H:%M:%S} UTC"
    assert f"Start now: done at {done}, 15s late. The longest part is Install its dependencies, 20s." in said
    assert "Maintenance shields visitors 2s after the start." in said
    # Where there is room for one thing alone, it is how late it will be.
    assert "15s late." in " ".join(words(countdown_notes(engine.state, now, 40, 2)).split())


def test_what_happens_by_itself_cant_be_missed(tmp_path: Path) -> None:
    engine = triggered(tmp_path, by_itself=True)
    now = engine.clock.now()
    [alarm] = countdown_notes(engine.state, now, 80, 3)
    assert text_of(alarm).strip().startswith("ROLLS BACK BY ITSELF in 13:50, at ")
    assert text_of(alarm).strip().endswith("UTC. K: the release stays")
    assert any(tone is Tone.ALARM for _, tone in alarm)
    narrow = countdown_notes(engine.state, now, 40, 2)
    assert all(any(tone is Tone.ALARM for _, tone in row) for row in narrow)
    assert text_of(narrow[1]).strip().endswith("K: the release stays")
    engine.session().send(c.KeepRelease(trigger=1, reason="the fix is on its way"))
    engine.work()
    assert "The release stays, says deploy@bastion: the fix is on its way" in (
        words(countdown_notes(engine.state, now, 80, 3))
    )
    narrow = words(countdown_notes(engine.state, now, 40, 2))
    assert narrow.split("\n")[0].strip() == "The release stays,"
    assert narrow.endswith("…")


def test_why_it_is_not_rolled_back_by_itself_ends_with_what_to_do(tmp_path: Path) -> None:
    plan = watched_plan(by_itself=True)
    why = "it drops the column that the old release reads at every request of every visitor, for good"
    steps = tuple(
        step.model_copy(update={"irreversible": why}) if step.key == "checkout" else step
        for step in plan.steps
    )
    engine = Engine(plan.model_copy(update={"steps": steps}), tmp_path)
    while engine.state.current.key != "watch":
        engine.session().send(c.StartStep(step=engine.state.current.key))
        engine.work()
        if engine.state.running is None:
            engine.watch_for(1)
        else:
            engine.end()
    engine.session().send(c.ReportTrouble(text="cards are declined"))
    engine.work()
    engine.time_passes(1)
    for width, rows in ((40, 4), (80, 3), (160, 6)):
        said = " ".join(words(countdown_notes(engine.state, engine.clock.now(), width, rows)).split())
        assert said.startswith("NOT rolled back by itself: Check out the release"), width
        assert said.endswith("A person has to"), width


def test_all_triggers_are_shown_and_the_earliest_leads(tmp_path: Path) -> None:
    engine = triggered(tmp_path)
    engine.session().send(c.ReportTrouble(text="cards are declined"))
    engine.work()
    now = engine.clock.now()
    view = countdown_view(engine.state, now)
    assert view is not None
    assert "(+1 more)" in text_of(view.headline)
    [other] = countdown_notes(engine.state, now, 160, 6)
    assert text_of(other).strip().startswith("+ 15:00 left, start within 14:05 (until ")
    assert "fast): Users report trouble (deploy@bastion): cards are declined" in text_of(other)
    engine.session().send(c.ExtendDeadline(trigger=1, seconds=600, reason="the fix is being restarted"))
    engine.work()
    view = countdown_view(engine.state, now)
    assert view is not None
    assert "Users report trouble" in text_of(view.headline)
    [other] = countdown_notes(engine.state, now, 160, 6)
    assert "fast, extended" in text_of(other)


def test_what_does_not_fit_is_said_to_be_left_out(tmp_path: Path) -> None:
    engine = late(tmp_path)
    engine.session().send(c.ReportTrouble(text="cards are declined"))
    engine.work()
    assert len(engine.state.open_triggers) == 3, "the monitor is blind, too"
    assert "… 2 more: m shows them" in words(countdown_notes(engine.state, engine.clock.now(), 80, 3))
    assert "more" not in words(countdown_notes(engine.state, engine.clock.now(), 80, 12))
    on_the_monitor = countdown_notes(engine.state, engine.clock.now(), 80, 3, on_monitor=True)
    assert text_of(on_the_monitor[-1]).strip() == "… 2 more"


def test_an_extended_deadline_is_marked(tmp_path: Path) -> None:
    engine = triggered(tmp_path)
    engine.session().send(c.ExtendDeadline(trigger=1, seconds=600, reason="the fix is being restarted"))
    engine.work()
    view = countdown_view(engine.state, engine.clock.now())
    assert view is not None
    assert "ROLL BACK within 25m (extended)" in text_of(view.headline)
    assert "Extended, last by deploy@bastion: the fix is being restarted" in (
        words(countdown_notes(engine.state, engine.clock.now(), 80, 3))
    )


def test_the_rollback_is_shown_against_the_deadline(tmp_path: Path) -> None:
    engine = rolling_back(tmp_path)
    notes = words(countdown_notes(engine.state, engine.clock.now(), 80, 3))
    assert notes.strip() == "Rollback: step 2 of 6, 53s left against 14m 43s to the deadline"
    view = countdown_view(engine.state, engine.clock.now())
    assert view is not None
    assert text_of(view.start_by_words[0]) == "to spare"


@pytest.mark.parametrize(
    ("made", "first"),
    [
        (watching, ["trouble", "stretch", "skip"]),
        (triggered, ["roll_back", "close_trigger", "extend"]),
        (lambda folder: triggered(folder, by_itself=True), ["roll_back", "keep_release", "close_trigger"]),
        (rolling_back, ["extend", "cancel"]),
    ],
)
def test_the_keys_most_wanted_come_first(tmp_path: Path, made: object, first: list[str]) -> None:
    engine = made(tmp_path)  # type: ignore[operator]
    assert [action.name for action in open_actions(engine.state, OPERATOR)][: len(first)] == first


@pytest.mark.parametrize(
    ("made", "name", "why"),
    [
        (watching, "cancel", "A watch is not cancelled: stretch it, or cut it by skipping it"),
        (watching, "keep_release", "No rollback trigger is open"),
        (watching, "extend", "there is no deadline to extend"),
        (watching, "run", "Watch the release is under way, and ends by itself."),
        (watching, "stretch", None),
        (watching, "trouble", None),
        (triggered, "keep_release", "Nothing is rolled back by itself for this trigger"),
        (triggered, "extend", None),
        (rolling_back, "stretch", "No watch is on that could be stretched."),
        (rolling_back, "keep_release", "The rollback is under way."),
        (STATES["new"], "trouble", "Nothing has been changed yet that users could have met."),
    ],
)
def test_a_blocked_key_says_why(tmp_path: Path, made: object, name: str, why: str | None) -> None:
    said = why_blocked(BY_NAME[name], made(tmp_path).state, OPERATOR)  # type: ignore[operator]
    assert said is None if why is None else why in (said or "")


def test_a_watcher_passes_on_what_users_report_and_no_more(tmp_path: Path) -> None:
    state = triggered(tmp_path).state
    for may_act in (True, False):
        assert why_blocked(BY_NAME["trouble"], state, WATCHER, may_act=may_act) is None
        assert why_blocked(BY_NAME["extend"], state, WATCHER, may_act=may_act)


@pytest.mark.parametrize(
    ("name", "said", "asked"),
    [
        ("skip", "This WAIVES the watch after 6m 00s of 30m 00s clean", "Say why"),
        ("mark_done", "This WAIVES the watch after 6m 00s of 30m 00s clean", "Say why"),
        ("trouble", "opens a deadline of class fast", "What users report"),
        ("extend", "By how many minutes later, and why?", "10 because the fix is being restarted"),
        ("keep_release", "It would be rolled back by itself at ", "Say why"),
        ("stretch", "lasts until 30m 00s were clean. By how many minutes longer?", "10, or 10 because"),
    ],
)
def test_a_prompt_says_what_will_happen(tmp_path: Path, name: str, said: str, asked: str) -> None:
    state = triggered(tmp_path, by_itself=True).state
    action = BY_NAME[name]
    assert said in " ".join(question(action, state))
    assert asked in placeholder(action, state)
    assert needs_text(action, state)


def test_the_summary_says_what_the_watch_saw(tmp_path: Path) -> None:
    engine = watching(tmp_path, 2, watch=2)
    assert not engine.state.phase.is_open
    assert "2m 00s clean: " in words(summary_lines(engine.state))
