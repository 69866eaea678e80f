"""Every key of the run's screen."""

from __future__ import annotations

from handrail.configuration.actions import Keys, shown_key
from handrail.run.actors import Actor
from handrail.run.state import RunState
from handrail.tui.presenters.actions import ACTIONS, OWN_KEYS, Action, Asks, label, why_blocked
from handrail.tui.presenters.keys import ON_THE_MONITOR
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.log_keys import LOG_KEYS, own_key

LOOKING = (
    ("j k ↓ ↑", "down up", "another step; the log changes with it"),
    ("esc", "", "back to the current step, and follow it"),
    ("tab", "", "next pane: steps, step, log"),
    ("l", "log", "to the log"),
    ("m", "monitor", "the monitor: every signal with its chart, and the watch"),
    ("f", "follow_log", "follow the end of the log, or stop"),
    ("v", "view", "show one pane alone, the next one, all"),
    ("ctrl+p", "", "palette with every action"),
    ("ctrl+l", "", "write the whole screen again, if something spoilt it"),
    ("ctrl+z", "", "suspend; fg comes back. The run goes on"),
    ("q", "leave", "detach: the run goes on; `handrail attach` comes back"),
)
ON_THE_PAGE = (
    ("j k ↓ ↑", "down up", "another signal, in full below the table"),
    ("esc", "", "back to the run"),
    ("m", "monitor", "back to the run"),
    ("q", "leave", "back to the run"),
    ("ctrl+p", "", "palette with every action of this page"),
)


def help_lines(
    state: RunState, actor: Actor, *, may_act: bool = True, keys: Keys = OWN_KEYS
) -> tuple[Line, ...]:
    """All actions with their keys, the open ones first said plainly, blocked ones with the reason."""
    lines = _lines(ACTIONS, LOOKING, state, actor, may_act=may_act, keys=keys)
    to_log = keys.shown("log", "l")
    in_log = [line((f" {own_key(each, keys):<8} ", Tone.KEY), each.help) for each in LOG_KEYS]
    moving = " ".join(
        (_looking_keys(keys, "down up", "j k"), "pages", _looking_keys(keys, "first last", "g G"), "← →")
    )
    in_log.append(line((f" {moving} ", Tone.KEY), "move"))
    return (*lines, (), line(("In the log", Tone.STRONG), f", once it has the keys ({to_log})"), *in_log)


def monitor_help(
    state: RunState, actor: Actor, *, may_act: bool = True, keys: Keys = OWN_KEYS
) -> tuple[Line, ...]:
    """The same for the monitor's page."""
    acting = tuple(action for action in ACTIONS if action.name in ON_THE_MONITOR)
    return _lines(acting, ON_THE_PAGE, state, actor, may_act=may_act, keys=keys)


def _lines(
    actions: tuple[Action, ...],
    looking: tuple[tuple[str, str, str], ...],
    state: RunState,
    actor: Actor,
    *,
    may_act: bool,
    keys: Keys,
) -> tuple[Line, ...]:
    lines: list[Line] = [line(("Acting", Tone.STRONG))]
    for action in actions:
        asks = "" if action.asks is Asks.NOTHING else f" (asks for {action.asks.value})"
        why = why_blocked(action, state, actor, may_act=may_act)
        own = " ".join(shown_key(key) for key in (action.key, *action.also))
        lines.append(
            line(
                (f" {keys.all_shown(action.name, own):<8} ", Tone.KEY),
                (label(action, state), Tone.STRONG),
                f": {action.help}{asks}",
            )
        )
        if why:
            lines.append(line((f"          not now: {why}", Tone.QUIET)))
    lines += [(), line(("Looking", Tone.STRONG))]
    lines += [
        line((f" {_looking_keys(keys, name, own):<8} ", Tone.KEY), words) for own, name, words in looking
    ]
    return tuple(lines)


def _looking_keys(keys: Keys, names: str, own: str) -> str:
    """The keys of one or two actions; their own ones, in their usual order, where nothing was remapped."""
    remapped = [name for name in names.split() if name in keys.remapped]
    return " ".join(keys.all_shown(name) for name in names.split()) if remapped else own
