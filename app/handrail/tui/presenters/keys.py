"""The keys that do something now, as many as fit at the foot of a screen."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.configuration.actions import Keys
from handrail.run.actors import Actor
from handrail.run.state import RunState
from handrail.tui.presenters.actions import OWN_KEYS, Action, label, open_actions
from handrail.tui.presenters.line import Line, Part, Tone, line

NARROW = 60
ON_THE_MONITOR = frozenset(
    {
        "roll_back",
        "keep_release",
        "close_trigger",
        "extend",
        "trouble",
        "stretch",
        "skip",
        "note",
        "hand_over",
    }
)


def key_lines(
    state: RunState,
    actor: Actor,
    width: int,
    *,
    may_act: bool = True,
    keys: Keys = OWN_KEYS,
    looks_away: bool = False,
) -> tuple[Line, ...]:
    """The keys that do something now, as many as fit (two lines on a narrow screen); *Keys* always stands.

    `looks_away` where another step or attempt is looked at than the one that is followed by itself: who only
    watches reads which key leads back.
    """
    leave = " Detach  " if state.phase.is_open else " Leave  "
    monitor = (
        ((keys.shown("monitor", "m"), Tone.KEY), " Monitor  ")
        if state.waiting_step or state.watch.started
        else ()
    )
    quit_key, help_key = (keys.shown("leave", "q"), Tone.KEY), (keys.shown("help", "?"), Tone.KEY)
    watches = state.operator.session != actor.session or not may_act
    back = (("esc", Tone.KEY), " Follow  ") if looks_away and watches and state.phase.is_open else ()
    ending = line(*back, *monitor, quit_key, leave, help_key, " Keys")
    return _fitted_keys(open_actions(state, actor, may_act=may_act), state, width, ending, keys)


def monitor_key_lines(
    state: RunState, actor: Actor, width: int, *, may_act: bool = True, keys: Keys = OWN_KEYS
) -> tuple[Line, ...]:
    """The keys of the monitor's page: what a person does about what is seen there, and the way back."""
    found = open_actions(state, actor, may_act=may_act)
    ending = line((rows_keys(keys), Tone.KEY), " Signal  ", ("esc", Tone.KEY), " Run")
    if width >= NARROW:
        ending = (*ending, *line("  ", (keys.shown("help", "?"), Tone.KEY), " Keys"))
    return _fitted_keys([a for a in found if a.name in ON_THE_MONITOR], state, width, ending, keys)


def rows_keys(keys: Keys) -> str:
    """The keys for the next row or line and the one before; the short ones where nothing was remapped."""
    remapped = {"down", "up"} & keys.remapped.keys()
    return f"{keys.shown('down', 'j')} {keys.shown('up', 'k')}" if remapped else "j k"


def _fitted_keys(
    actions: Sequence[Action], state: RunState, width: int, ending: Line, keys: Keys
) -> tuple[Line, ...]:
    ending_width = sum(len(text) for text, _ in ending)
    rooms = [width - 1, width - 1 - ending_width] if width < NARROW else [width - 1 - ending_width]
    rows: list[list[Part]] = [[] for _ in rooms]
    for action in actions:
        # Where its own words are too long, such as a runbook's title, an action is offered by its short ones.
        for words in (f" {label(action, state)}  ", f" {action.label}  "):
            key = keys.shown(action.name, action.shown_key)
            length = len(key) + len(words)
            fitting = next((n for n, room in enumerate(rooms) if length <= room), None)
            if fitting is not None:
                rooms[fitting] -= length
                rows[fitting] += ((key, Tone.KEY), (words, Tone.PLAIN))
                break
    rows[-1] += ending
    return tuple(line(" ", *row) for row in rows)
