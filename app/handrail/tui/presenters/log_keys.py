"""The keys of the log, which hold while it has the focus; none of them is the key of an action."""

from __future__ import annotations

from msgspec import Struct

from handrail.configuration.actions import Keys
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.line import Line, Part, Tone, line
from handrail.tui.presenters.log import LogSeen


class LogKey(Struct, frozen=True):
    """What a key does in the log. `action` is the view's, in Textual's notation."""

    name: str
    keys: str
    shown_key: str
    label: str
    help: str
    action: str


LOG_KEYS: tuple[LogKey, ...] = (
    LogKey(
        "search", "slash", "/", "Search", "look for words in the log, or for a regular expression", "search"
    ),
    LogKey("next_match", "n", "n", "Next", "the next line with what is looked for", "match(1)"),
    LogKey("previous_match", "N", "N", "Previous", "the line before with what is looked for", "match(-1)"),
    LogKey("next_trouble", "greater_than_sign", ">", "Next error", "the next error or warning", "trouble(1)"),
    LogKey(
        "previous_trouble",
        "less_than_sign",
        "<",
        "Error before",
        "the error or warning before",
        "trouble(-1)",
    ),
    LogKey(
        "next_attempt", "right_square_bracket", "]", "Next attempt", "the step's next attempt", "attempt(1)"
    ),
    LogKey(
        "previous_attempt",
        "left_square_bracket",
        "[",
        "Attempt before",
        "the step's attempt before",
        "attempt(-1)",
    ),
    LogKey("wrap", "z", "z", "Wrap", "wrap long lines, or don't", "wrap"),
    LogKey("times", "i", "i", "Times", "when each line was written, or not", "times"),
    LogKey("select", "V", "V", "Select", "begin to select lines; moving selects more of them", "select"),
    LogKey(
        "copy", "Y", "Y", "Copy", "copy the page, or what is selected, to the terminal's clipboard", "copy"
    ),
    LogKey("copy_to_file", "F", "F", "To file", "copy the same into a file beside the log", "copy_to_file"),
    LogKey("pager", "p", "p", "Pager", "the whole log in $PAGER", "pager"),
    LogKey("half_down", "ctrl+d", "ctrl+d", "Half down", "half a page down", "scroll_halves(1)"),
    LogKey("half_up", "ctrl+u", "ctrl+u", "Half up", "half a page up", "scroll_halves(-1)"),
)
BY_NAME = {key.name: key for key in LOG_KEYS}
MOVING = {"down": "j", "up": "k", "first": "g", "last": "G", "follow_log": "f"}
"""Keys of the whole program that the log names, each by its letter."""
_HINTED: tuple[tuple[str, str], ...] = (
    ("search", "Search"),
    ("previous_trouble next_trouble", "Errors"),
    ("follow_log", "Follow"),
    ("previous_attempt next_attempt", "Attempts"),
    ("pager", "Pager"),
    ("wrap", "Wrap"),
    ("times", "Times"),
    ("copy", "Copy"),
    ("copy_to_file", "To file"),
    ("select", "Select"),
    ("first last", "Ends"),
)


def own_key(key: LogKey, keys: Keys) -> str:
    """The key as it is now; `log_` and its name are what a person remaps it by."""
    return keys.shown(f"log_{key.name}", key.shown_key)


def _keys_of(names: str, keys: Keys) -> str:
    found = []
    for name in names.split():
        if name in MOVING:
            found.append(keys.shown(name) if name in keys.remapped else MOVING[name])
        else:
            found.append(own_key(BY_NAME[name], keys) if name in BY_NAME else name)
    return " ".join(found)


def log_hints(seen: LogSeen, width: int, keys: Keys = OWN_KEYS) -> Line:
    """The keys of the focused log, as many as fit, those first that the moment calls for."""
    hints = list(_HINTED)
    if seen.selected:
        lines = f"{seen.selected:,} {'line' if seen.selected == 1 else 'lines'}"
        hints = [("copy", f"Copy {lines}"), ("copy_to_file", "To file"), ("down up", "More"), ("esc", "Drop")]
    elif seen.looked_for:
        hints = [("next_match previous_match", "Next, previous"), ("esc", "Clear"), *hints]
    parts: list[Part] = [(" ", Tone.PLAIN)]
    room = width - 1
    for names, label in hints:
        key = _keys_of(names, keys)
        length = len(key) + len(label) + 3
        if length - 2 > room:
            break
        room -= length
        parts += ((key, Tone.KEY), (f" {label}  ", Tone.PLAIN))
    return line(*parts)
