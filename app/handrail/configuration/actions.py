"""The names by which keys can be remapped: which keys each has by itself, and which are in use together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

FIXED_KEYS = frozenset({"ctrl+c", "ctrl+q", "ctrl+z", "ctrl+p", "escape", "tab", "shift+tab"})
"""Leaving, suspending, going back and the palette stay where everybody looks for them."""


class KeyAction(Struct, frozen=True):
    """One action that has keys: its name in `[keys]`, where it acts, and what it does.

    `keys` are by Textual's names. Actions of one `place`, and those of `everywhere` with any, are in use at
    the same time, so that no two of them may have one key.
    """

    name: str
    place: str
    keys: tuple[str, ...]
    words: str


EVERYWHERE = "everywhere"
SHOWN = {
    "question_mark": "?",
    "slash": "/",
    "full_stop": ".",
    "comma": ",",
    "exclamation_mark": "!",
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pagedown": "page down",
    "pageup": "page up",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "minus": "-",
    "underscore": "_",
    "backslash": "\\",
    "at": "@",
    "number_sign": "#",
    "semicolon": ";",
    "colon": ":",
    "asterisk": "*",
    "equals_sign": "=",
    "apostrophe": "'",
    "quotation_mark": '"',
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "percent_sign": "%",
    "ampersand": "&",
    "dollar_sign": "$",
    "circumflex_accent": "^",
    "grave_accent": "`",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "vertical_line": "|",
    "tilde": "~",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
}
"""Keys that people know by another sign than by their name."""
_NAMES = {sign: name for name, sign in SHOWN.items() if len(sign) == 1 and sign.isascii()}
NAMED_KEYS = frozenset(
    {
        *("enter", "space", "backspace", "delete", "insert", "home", "end", "up", "down", "left", "right"),
        *("pageup", "pagedown", "escape", "tab"),
        *(f"f{number}" for number in range(1, 25)),
        *(name for name in SHOWN if name.isidentifier()),
    }
)
_MODIFIERS = ("ctrl", "shift", "alt", "super", "meta", "hyper")


def key_named(written: str) -> str | None:
    """A key as Textual names it, from how a person writes it; `None` where there is no such key."""
    *modifiers, key = written.rsplit("+", 1) if len(written) > 1 and "+" in written else [written]
    held = modifiers[0].lower().split("+") if modifiers else []
    if any(each not in _MODIFIERS for each in held) or len(set(held)) != len(held):
        return None
    if len(key) == 1:
        name = key if key.isalnum() else _NAMES.get(key)
    else:
        name = key.lower() if key.lower() in NAMED_KEYS else None
    return "+".join([*held, name]) if name else None


def shown_key(key: str) -> str:
    """A key as a screen shows it, from Textual's name for it."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, SHOWN.get(last, last)])


class Keys:
    """Which keys each action has now: its own, or what the person's configuration gives it."""

    def __init__(
        self, actions: Iterable[KeyAction] = (), remapped: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.remapped = dict(remapped or {})
        self._keys = {action.name: action.keys for action in actions} | self.remapped

    def of(self, name: str) -> tuple[str, ...]:
        """The keys of an action, by Textual's names; none for an unknown one."""
        return self._keys.get(name, ())

    def shown(self, name: str, default: str = "") -> str:
        """The first key of an action as a screen shows it; `default` where this table has no such action."""
        keys = self._keys.get(name)
        return shown_key(keys[0]) if keys else default

    def all_shown(self, name: str, default: str = "") -> str:
        """Every key of an action."""
        keys = self._keys.get(name)
        return " ".join(shown_key(key) for key in keys) if keys else default

    def keymap(self) -> dict[str, str]:
        """What was remapped, as Textual takes it: by the ids of bindings, which are the actions' names."""
        return {name: ",".join(keys) for name, keys in self.remapped.items()}


def clashes(
    actions: Iterable[KeyAction], remapped: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, str, str]]:
    """Each remapped action with a key that another one has where both act: its name, the key, the other's."""
    known = tuple(actions)
    found = []
    for action in known:
        for other in known:
            if action.name not in remapped or other is action:
                continue
            together = EVERYWHERE in (action.place, other.place) or action.place == other.place
            if not together:
                continue
            taken = set(remapped[action.name]) & set(remapped.get(other.name, other.keys))
            found += [(action.name, key, other.name) for key in sorted(taken)]
    return found
