"""Whoever has remapped every key reads of none of the keys that were there before, in any state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from handrail.configuration.actions import Keys
from handrail.reports.signals import signals_seen
from handrail.run import commands as c
from handrail.run.state import RunState
from handrail.tui.keys import KEY_ACTIONS
from handrail.tui.presenters.actions import ACTIONS, why_blocked
from handrail.tui.presenters.countdown import countdown_notes, countdown_view
from handrail.tui.presenters.detail import detail_lines
from handrail.tui.presenters.header import header_lines
from handrail.tui.presenters.help import help_lines, monitor_help
from handrail.tui.presenters.hint import hint_line
from handrail.tui.presenters.keys import key_lines, monitor_key_lines
from handrail.tui.presenters.line import Line, Tone, text_of
from handrail.tui.presenters.log import LogSeen, log_title
from handrail.tui.presenters.log_keys import log_hints
from handrail.tui.presenters.notices import notice_for
from handrail.tui.presenters.questions import question
from handrail.tui.presenters.rollback import rollback_lines
from handrail.tui.presenters.summary import summary_lines
from tui.driver import OPERATOR, WATCHER, Driver, Engine, driven
from tui.plans import deploy_plan, other_way_plan, watched_plan
from tui.watches import late, rolling_back, triggered, watching

REMAPPED = {action.name: (f"ctrl+f{number}",) for number, action in enumerate(KEY_ACTIONS, 1)}
KEYS = Keys(KEY_ACTIONS, REMAPPED)
STAYS = {"esc", "tab", "enter", "ctrl+l", "ctrl+p", "ctrl+z", "← →"}
"""What stays where everybody looks for it, or belongs to a field that is typed into."""
A_LETTER = re.compile(r"(?<![\w'.@$+-])(?<!\d )[A-Za-z](?![\w'.@=…-])")
A_NEW_KEY = re.compile(r"ctrl\+f\d+")


def step_by_step(engine: Engine, until: str) -> None:
    while (step := engine.state.current) is not None and step.key != until:
        engine.session().send(c.StartStep(step=step.key))
        engine.work()
        while engine.state.running is not None:
            engine.end(verdict="pass", facts={"previous_release": "v1.2.3", "destructive": False})


def attested(folder: Path) -> Engine:
    engine = Engine(deploy_plan(), folder)
    step_by_step(engine, "dashboards")
    return engine


def doubted(folder: Path) -> Engine:
    engine = Engine(deploy_plan(), folder)
    engine.session().send(c.StartStep(step="announce"))
    engine.work()
    engine.doubt()
    return engine


def asked_for(folder: Path) -> Engine:
    engine = Engine(deploy_plan(), folder)
    engine.session(WATCHER).send(c.RequestControl())
    engine.work()
    return engine


def failed_undo(folder: Path) -> Engine:
    engine = Engine(other_way_plan(), folder)
    step_by_step(engine, "restart")
    engine.session().send(c.RollBack(confirm="production"))
    engine.work()
    while engine.state.current.key != "undo/migrate" and engine.state.running is not None:
        engine.end()
    if engine.state.running is not None:
        engine.end(1)
    return engine


def only_a_trigger(folder: Path) -> Engine:
    plan = deploy_plan()
    engine = Engine(plan.model_copy(update={"steps": plan.steps[:-1]}), folder)
    step_by_step(engine, "smoke")
    engine.session().send(c.StartStep(step="smoke"))
    engine.work()
    engine.end(1, verdict="fail")
    engine.session().send(c.RetryStep(step="smoke", after_attempt=max(engine.state.attempts)))
    engine.work()
    engine.end(verdict="pass")
    return engine


STATES: dict[str, Callable[[Path], Engine]] = {
    "new": lambda folder: Engine(deploy_plan(), folder),
    "before a watch": lambda folder: Engine(watched_plan(), folder),
    "to be attested": attested,
    "in doubt": doubted,
    "asked for": asked_for,
    "an undo that failed": failed_undo,
    "only a trigger": only_a_trigger,
    "watching": watching,
    "triggered": triggered,
    "rolls back by itself": lambda folder: triggered(folder, by_itself=True),
    "late": late,
    "rolling back": rolling_back,
}


def said_in(engine: Engine) -> Iterable[Line]:
    """All that the presenters of a run's screens say of a state."""
    state, now = engine.state, engine.clock.now()
    for actor in (OPERATOR, WATCHER):
        for width in (40, 80, 160):
            yield from header_lines(state, actor, now, width, keys=KEYS)
            yield from key_lines(state, actor, width, keys=KEYS)
            yield from monitor_key_lines(state, actor, width, keys=KEYS)
        yield from help_lines(state, actor, keys=KEYS)
        yield from monitor_help(state, actor, keys=KEYS)
    for rows in (1, 2, 3, 12):
        yield from countdown_notes(state, now, 80, rows, keys=KEYS)
    if (view := countdown_view(state, now)) is not None:
        yield from (view.headline, *view.start_by_words, *view.done_by_words, *view.narrow_words)
    table = signals_seen(state)
    for step in state.steps.values():
        yield from detail_lines(state, step, (), table, KEYS)
        yield log_title(state, None, LogSeen(), step=step, keys=KEYS)
    for seen in (LogSeen(1, 5, 9, following=False), LogSeen(selected=2), LogSeen(looked_for="an error")):
        yield log_hints(seen, 160, KEYS)
        for attempt in state.attempts.values():
            yield log_title(state, attempt, seen, keys=KEYS)
    yield hint_line(KEYS, 160, on_run=True)
    yield from summary_lines(state)
    yield from rollback_lines(state)
    for action in ACTIONS:
        yield from (((text, Tone.PLAIN),) for text in question(action, state))
        if why := why_blocked(action, state, OPERATOR):
            yield ((why, Tone.PLAIN),)


def notices_of(engine: Engine) -> Iterable[Line]:
    session = engine.session()
    for entry in session.poll():
        for actor in (OPERATOR, WATCHER):
            if (notice := notice_for(entry.event, actor, KEYS)) is not None:
                yield notice


def letters_in(text: str) -> list[str]:
    """The single letters that stand alone; an article is none."""
    return [found for found in A_LETTER.findall(text) if found not in ("a", "A")]


@pytest.mark.parametrize("name", STATES)
def test_no_line_names_a_key_that_was_remapped(name: str, tmp_path: Path) -> None:
    engine = STATES[name](tmp_path)
    new = 0
    for each in (*said_in(engine), *notices_of(engine)):
        assert not letters_in(text_of(each)), text_of(each)
        for text, tone in each:
            if tone is Tone.KEY:
                left = A_NEW_KEY.sub("", text).replace("pages", "").strip(" /")
                assert not left or left in STAYS, text_of(each)
            new += len(A_NEW_KEY.findall(text))
    assert new > 40


def test_a_letter_that_is_named_would_be_found() -> None:
    for text in ("h hands over", "roll back (b)", "to say (y/n)", "Once more, or q, detaches"):
        assert letters_in(text), text
    assert not letters_in("a check of 60 s, `--plain`, it's v1.2.3, W…")


def test_the_states_are_what_their_names_say(tmp_path: Path) -> None:
    def state_of(name: str) -> RunState:
        folder = tmp_path / name
        folder.mkdir()
        state: RunState = STATES[name](folder).state
        return state

    assert state_of("only a trigger").current is None
    assert state_of("asked for").control_requested_by is not None
    state = state_of("to be attested")
    assert state.current is not None
    assert "(y/n)" in "".join(text_of(row) for row in detail_lines(state, state.current))
    state = state_of("an undo that failed")
    assert state.current is not None
    assert "If it fails (o)" in "".join(text_of(row) for row in detail_lines(state, state.current))


async def test_the_screens_name_the_keys_in_force_and_those_keys_act(tmp_path: Path) -> None:
    engine = Engine(deploy_plan(), tmp_path)
    async with driven(engine, size=(120, 40), keys=REMAPPED) as driver:

        async def press(name: str) -> Driver:
            return await driver.press(*REMAPPED[name])

        await press("run")
        engine.log_path("run-1", 1).write_text("".join(f"line {n}\n" for n in range(100)))
        await press("cancel")
        assert f"{KEYS.shown('yes')} Cancel" in driver.text("#prompt-keys")
        await driver.press("y")
        assert not engine.state.running.cancelling
        await press("yes")
        assert engine.state.running.cancelling
        await press("log")
        await press("up")
        assert f"{KEYS.shown('follow_log')} follows" in driver.text("#log-title")
        await press("log_copy")
        assert f"{KEYS.shown('log_copy_to_file')} writes a file" in driver.text("#notice")
        await press("help")
        assert f"{KEYS.shown('leave')} Back" in driver.text("#sheet-keys")
        assert not letters_in(driver.text())
        await press("help")
        await driver.press("ctrl+c")
        assert f"or {KEYS.shown('leave')}, detaches" in driver.text("#notice")
        assert not letters_in(driver.text())
        await press("monitor")
        assert f"{KEYS.shown('down')} {KEYS.shown('up')} Signal" in driver.text("#keys")
        assert not letters_in(driver.text())
