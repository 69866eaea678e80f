"""Every key in every place of every state of a run: the screen lives, and nothing forbidden happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from e2e.screen.keyboard import KEYS, UNBOUND, tmux_key
from e2e.screen.place import BROKEN, FIRST, LOST, SLOW, Place
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.run.actors import Actor
from handrail.run.state import Phase, RunState, StepStatus
from handrail.tui.app import HandrailApp
from handrail.tui.presenters.actions import ACTIONS, Action, Asks, why_blocked
from operating import Desk
from terminal import Terminal
from waiting import wait_for

pytestmark = pytest.mark.e2e
AT_ONCE = 16
STAYING_AT_ONCE = 40
HELP, MONITOR = ("?", "Keys of this screen"), ("m", "esc Run")
"""A key and what it shows, which tells that every key before it was seen."""
PALETTE = tmux_key(HandrailApp.COMMAND_PALETTE_BINDING) or ""
LENS = "🔎"
"""What stands in the palette's field, whatever is typed into it."""
THE_RUN, THE_MONITOR = "the run", "the monitor"
PLACES: dict[str, tuple[str, ...]] = {
    THE_RUN: (),
    "the log": ("l",),
    "the search of the log": ("l", "/"),
    THE_MONITOR: ("m",),
    "the help": ("?",),
}
EDITING = tuple(key for key in KEYS if len(key) > 1 and key != "Enter")
"""What a question's field knows. Its Enter is the second key of what it asks for, and sends a kept draft."""
FAULTS = ("Traceback", "The screen failed", "Exception")


UNASKED = ("DeadlinePassed", "SignalsSampled", "SignalJudged")


def key_of(action: Action) -> str:
    """The first key of an action, by tmux's name."""
    key = tmux_key(action.key)
    assert key is not None
    return "+" if action.key == "plus" else key


class Journaled:
    """What the journal says of the newest run, whoever asked for it."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state

    def asked(self) -> list[str]:
        """The kinds of what was asked of the engine."""
        return [str(row.body["type"]) for row in self._read(lambda journal, run: journal.commands(run, 0))]

    def told(self) -> list[str]:
        """What happened, but for what time alone does, and for what the sampler saw meanwhile."""
        events = self._read(lambda journal, run: journal.read(run))
        return [event.type for event in events if event.type not in UNASKED]

    def _read(self, read: Callable[[SqliteJournal, str], list]) -> list:
        journal = SqliteJournal(self._state.journal, read_only=True)
        try:
            return read(journal, journal.runs(limit=1)[0].run)
        finally:
            journal.close()


class Walker:
    """Presses every key at a terminal that shows a run, and sees to it that nothing came of it."""

    def __init__(self, terminal: Terminal, journaled: Journaled) -> None:
        self.terminal = terminal
        self.journaled = journaled

    def walk(self, state: RunState, actor: Actor, *, may_act: bool = True, everywhere: bool = False) -> None:
        """Every key on the run, on the monitor where a deadline counts, or everywhere; then the questions."""
        may = [action for action in ACTIONS if why_blocked(action, state, actor, may_act=may_act) is None]
        acting = {
            name
            for action in may
            if action.asks is Asks.NOTHING
            for key in (action.key, *action.also)
            if (name := tmux_key(key))
        }
        for place, opening in PLACES.items():
            if everywhere or place == THE_RUN or (place == THE_MONITOR and state.open_triggers):
                typed = EDITING if "/" in opening else (*KEYS, *UNBOUND)
                keys = [key for key in typed if key not in acting]
                self.press(place, opening, keys, MONITOR if place == "the help" else HELP)
        if everywhere:
            self.press_in_the_palette()
        for action in may:
            if action.asks is not Asks.NOTHING:
                keys = EDITING if everywhere and action.name == "roll_back" else ("Space", "Tab", "C-s")
                self.press(f"the question of {action.name}", (key_of(action),), keys)

    def press(
        self, place: str, opening: tuple[str, ...], keys: Iterable[str], sign: tuple[str, str] = HELP
    ) -> None:
        """Press each of the keys in a place, and go back: behind each that may lead elsewhere."""
        keys = list(keys)
        asked, told = self.journaled.asked(), self.journaled.told()
        leading = [key for key in keys if len(key) == 1 or key == "Enter"]
        staying = [key for key in keys if key not in leading]
        bursts = [
            *(
                [[key] for key in leading[start : start + AT_ONCE]]
                for start in range(0, len(leading), AT_ONCE)
            ),
            *(
                [staying[start : start + STAYING_AT_ONCE]]
                for start in range(0, len(staying), STAYING_AT_ONCE)
            ),
        ]
        for burst in bursts:
            back = ["Escape"] * 3
            self.terminal.press_at_once(*(each for some in burst for each in (*opening, *some, *back)))
            where = f"{place}, after {' '.join(key for some in burst for key in some)}"
            self.lives(where, sign)
            assert self.journaled.asked() == asked, where
            assert self.journaled.told() == told, where
        assert self.journaled.told() == told, place

    def press_in_the_palette(self) -> None:
        """The same where a key may be lost that comes while it closes: one look at each of its openings."""
        asked, told = self.journaled.asked(), self.journaled.told()
        keys = [key for key in (*KEYS, *UNBOUND) if key != "Enter"]
        for some in (*(keys[start : start + 30] for start in range(0, len(keys), 30)), ["Enter"]):
            self.open(PALETTE, LENS, "the palette")
            self.terminal.press_at_once(*some, *["Escape"] * 3)
            self.terminal.expect_that(lambda screen: LENS not in screen, "the palette's end")
            self.lives(f"the palette, after {' '.join(some)}")
        assert self.journaled.asked() == asked
        assert self.journaled.told() == told

    def lives(self, where: str, sign: tuple[str, str] = HELP) -> None:
        """It answers a key, says nothing of a fault, and escape has led back to where its keys are."""
        key, seen = sign
        shown = self.open(key, seen, where)
        assert not any(word in shown for word in FAULTS), f"{where}:\n{shown}"
        self.terminal.press_at_once("Escape")
        self.terminal.expect_that(lambda screen: seen not in screen, f"the way back from {where}")

    def expect(self, text: str, where: str) -> str:
        """Wait for a text."""
        try:
            return self.terminal.expect(text)
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from None

    def open(self, key: str, seen: str, where: str) -> str:
        """Press a key, wait for what it opens, and say what is on the screen then."""
        self.terminal.press(key)
        return self.expect(seen, f"{key}, for {where}")

    def act(self, key: str, command: str) -> None:
        """What is open does happen: one key, one command."""
        before = self.journaled.asked()
        self.terminal.press(key)
        wait_for(lambda: self.journaled.asked() != before, f"{command} by {key}")
        assert self.journaled.asked() == [*before, command]


def at(place: Place, title: str, status: StepStatus) -> RunState:
    """Wait until the current step is so."""

    def found() -> RunState | None:
        state = place.desk.run()
        current = state.current
        return state if current and (current.planned.title, current.status) == (title, status) else None

    return wait_for(found, f"{title} to be {status.value}")


def press_in_turn(terminal: Terminal, without: Iterable[str]) -> None:
    """Press all keys but some, few enough at once for no paste."""
    left = [key for key in (*KEYS, *UNBOUND) if key not in without]
    while left:
        terminal.press_at_once(*left[:AT_ONCE])
        assert terminal.screen().strip()
        del left[:AT_ONCE]


def opened(place: Place) -> Terminal:
    """A screen on a new run, before its first step."""
    terminal = place.screen("run", str(place.runbook))
    terminal.expect("Open run")
    terminal.press("C-s")
    terminal.expect(f"Next: {FIRST}")
    return terminal


@pytest.mark.parametrize("everywhere", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_run_through_all_its_states(place: Place, everywhere: bool) -> None:
    terminal = opened(place)
    walker = Walker(terminal, Journaled(place.desk.state))
    state = at(place, FIRST, StepStatus.PENDING)
    walker.walk(state, state.operator)

    walker.act("Enter", "StartStep")
    at(place, SLOW, StepStatus.PENDING)
    terminal.expect(f"Next: {SLOW}")
    walker.act("r", "StartStep")
    state = at(place, SLOW, StepStatus.RUNNING)
    terminal.expect("c Cancel")
    walker.walk(state, state.operator)

    place.let("go")
    at(place, LOST, StepStatus.PENDING)
    terminal.expect(f"Next: {LOST}")
    walker.act("Enter", "StartStep")
    place.lose(3)
    state = at(place, LOST, StepStatus.IN_DOUBT)
    terminal.expect("y It was done")
    walker.walk(state, state.operator)

    terminal.press("y")
    terminal.expect("You say that")
    terminal.type("I looked")
    terminal.press("Enter")
    at(place, BROKEN, StepStatus.PENDING)
    terminal.expect(f"Next: {BROKEN}")
    walker.act("Enter", "StartStep")
    state = at(place, BROKEN, StepStatus.FAILED)
    terminal.expect("ROLL BACK within")
    walker.walk(state, state.operator, everywhere=everywhere)
    assert place.desk.run().open_triggers == state.open_triggers


def test_a_rollback_and_what_it_came_to(place: Place) -> None:
    terminal = opened(place)
    walker = Walker(terminal, Journaled(place.desk.state))
    walker.act("Enter", "StartStep")
    terminal.expect(f"Next: {SLOW}")
    at(place, SLOW, StepStatus.PENDING)
    watching = Walker(place.screen("watch"), walker.journaled)
    watching.expect("WATCHING", "the second screen")
    state = place.desk.run()
    other = Actor(user="somebody", host="elsewhere", session="another")
    watching.walk(state, other, may_act=False)

    terminal.press("b")
    terminal.expect("Type production to roll back")
    terminal.type("production")
    walker.act("Enter", "RollBack")
    terminal.expect("Undo: First")
    state = wait_for(lambda: (run := place.desk.run()).running is not None and run, "the undo's beginning")
    walker.walk(state, state.operator)

    place.let("back")
    # The summary, or, where a late escape has closed it already, the run below it.
    terminal.expect_that(lambda screen: "rolled back" in screen.lower(), "the rollback's end")
    asked, told = walker.journaled.asked(), walker.journaled.told()
    closing = {"Enter", "?"}
    press_in_turn(terminal, closing)
    terminal.press("Escape")
    state = place.desk.run()
    assert state.phase is Phase.ROLLED_BACK
    walker.walk(state, state.operator)
    assert (walker.journaled.asked(), walker.journaled.told()) == (asked, told)
    terminal.press("q")
    assert terminal.exit_code() == 1


def test_the_list_and_the_start(place: Place) -> None:
    terminal = place.screen()
    terminal.expect("Small release")
    walker = Walker(terminal, Journaled(place.desk.state))
    opening = {"Enter"}
    keys = [key for key in (*KEYS, *UNBOUND) if key not in opening]
    for place_keys in ((), ("/",)):
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            terminal.press_at_once(*(each for key in some for each in (*place_keys, key, *["Escape"] * 3)))
            walker.lives(f"the list, after {' '.join(some)}")
    assert place.desk.runs() == []
    terminal.press("Home")
    terminal.press("Enter")
    terminal.expect("Open run")
    before_start = {"Enter", "r", "C-s"}
    sheets = {"c": "What the gates", "d": "Changed since", "?": HELP[1], PALETTE: LENS}
    press_in_turn(terminal, before_start | set(sheets))
    for key, seen in sheets.items():
        shown = walker.open(key, seen, "the start screen")
        assert not any(word in shown for word in FAULTS), shown
        terminal.press_at_once("Escape")
        terminal.expect_that(lambda screen, seen=seen: seen not in screen, f"the way back from {seen}")
    terminal.expect("Open run")
    assert place.desk.runs() == []
    terminal.press("C-s")
    terminal.expect(f"Next: {FIRST}")
    assert len(place.desk.runs()) == 1


@pytest.mark.long
def test_the_sandboxs_own_deploy(shop_desk: Desk) -> None:
    shop_desk.open_deploy("v1.3.0")
    terminal = shop_desk.terminal
    walker = Walker(terminal, Journaled(shop_desk.state_folder))
    state = shop_desk.run()
    walker.walk(state, state.operator)
    walker.act("Enter", "StartStep")

    def is_told() -> bool:
        told = walker.journaled.told()
        begun, ended = told.count("AttemptStarted"), told.count("AttemptEnded")
        return begun == ended > 0 and shop_desk.run().forward_steps[0].status.is_done

    wait_for(is_told, "the announcement")
    state = shop_desk.run()
    assert state.current is not None
    terminal.expect(f"Next: {state.current.planned.title}"[:40])
    walker.walk(state, state.operator)
    assert [step.planned.title for step in state.forward_steps if step.attempts] == ["Tell the team"]
