"""Every key of the run's screen."""

from __future__ import annotations

from handrail.run.actors import Actor
from handrail.run.state import RunState
from handrail.tui.presenters.actions import ACTIONS, Asks, label, why_blocked
from handrail.tui.presenters.line import Line, Tone, line

LOOKING = (
    ("j k ↓ ↑", "another step; the log changes with it"),
    ("esc", "back to the current step, and follow it"),
    ("tab", "next pane: steps, step, log"),
    ("l", "to the log; there j k pages g G ← → move"),
    ("f", "follow the end of the log, or stop"),
    ("v", "show one pane alone, the next one, all"),
    ("ctrl+p", "palette with every action"),
    ("ctrl+z", "suspend; fg comes back. The run goes on"),
    ("q", "detach: the run goes on; `handrail attach` comes back"),
)


def help_lines(state: RunState, actor: Actor, *, may_act: bool = True) -> tuple[Line, ...]:
    """All actions with their keys, the open ones first said plainly, blocked ones with the reason."""
    lines: list[Line] = [line(("Acting", Tone.STRONG))]
    for action in ACTIONS:
        asks = "" if action.asks is Asks.NOTHING else f" (asks for {action.asks.value})"
        why = why_blocked(action, state, actor, may_act=may_act)
        keys = action.shown_key + "".join(f" {key}" for key in action.also)
        lines.append(
            line((f" {keys:<8} ", Tone.KEY), (label(action, state), Tone.STRONG), f": {action.help}{asks}")
        )
        if why:
            lines.append(line((f"          not now: {why}", Tone.QUIET)))
    lines += [(), line(("Looking", Tone.STRONG))]
    lines += [line((f" {keys:<8} ", Tone.KEY), words) for keys, words in LOOKING]
    return tuple(lines)
