"""Every action that has keys, by the name under which a person can remap it. Without Textual."""

from __future__ import annotations

from handrail.configuration.actions import EVERYWHERE, KeyAction, Keys, key_named
from handrail.tui.presenters.actions import ACTIONS
from handrail.tui.presenters.log_keys import LOG_KEYS

RUN, LOG, CHOOSING, START, SHEET = "on a run", "in the log", "choosing", "before the start", "on a sheet"


def _of_the_run() -> tuple[KeyAction, ...]:
    return tuple(
        KeyAction(each.name, RUN, tuple(key_named(key) or key for key in (each.key, *each.also)), each.help)
        for each in ACTIONS
    )


KEY_ACTIONS: tuple[KeyAction, ...] = (
    KeyAction("down", EVERYWHERE, ("down", "j"), "the next row or line"),
    KeyAction("up", EVERYWHERE, ("up", "k"), "the row or line before"),
    KeyAction("page_down", EVERYWHERE, ("pagedown",), "further down"),
    KeyAction("page_up", EVERYWHERE, ("pageup",), "further up"),
    KeyAction("first", EVERYWHERE, ("home", "g"), "the first row or line"),
    KeyAction("last", EVERYWHERE, ("end", "G"), "the last row or line"),
    KeyAction("hide_hint", EVERYWHERE, ("H",), "never show the hint line again"),
    KeyAction("leave", EVERYWHERE, ("q",), "leave this screen; a run goes on"),
    KeyAction("help", EVERYWHERE, ("question_mark",), "every key of this screen"),
    *_of_the_run(),
    KeyAction("monitor", RUN, ("m",), "every signal with its chart, and the watch; again, back to the run"),
    KeyAction("log", RUN, ("l",), "give the keys to the log"),
    KeyAction("follow_log", RUN, ("f",), "follow the end of the log, or stop"),
    KeyAction("view", RUN, ("v",), "one pane alone, the next one, all"),
    *(KeyAction(f"log_{each.name}", LOG, tuple(each.keys.split(",")), each.help) for each in LOG_KEYS),
    KeyAction("choose", CHOOSING, ("enter",), "open what is chosen"),
    KeyAction("watch", CHOOSING, ("w",), "look on at the chosen run, without acting"),
    KeyAction("filter", CHOOSING, ("slash",), "list only what has these words"),
    KeyAction("open_run", START, ("enter", "r"), "open the run"),
    KeyAction("open_run_now", START, ("ctrl+s",), "open the run, from within a field too"),
    KeyAction("checks", START, ("c",), "what the gates' checks say now"),
    KeyAction("look_again", START, ("a",), "look at the checks again"),
    KeyAction("changes", START, ("d",), "what was changed since the last run"),
    KeyAction("steps_and_logs", SHEET, ("o",), "the steps and logs of a run that is over"),
)


def default_keys() -> Keys:
    """Each action's own keys."""
    return Keys(KEY_ACTIONS)
