"""Every key that any binding of the screen names, by the product's own tables, and as tmux sends it."""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode
from textual.widgets import Input

import handrail.tui.app  # noqa: F401  every screen and widget is known once this is
from handrail.configuration.actions import SHOWN
from handrail.tui.app import HandrailApp
from handrail.tui.keys import KEY_ACTIONS

UNBOUND = ("Z", "1", "9", "ä", "界", "F5", "M-x", "C-y", "C-o", "C-t", "~", "%", ";", "(")
"""Keys that nothing names, with the signs of other alphabets among them."""
LEAVING = frozenset({"q", "C-q", "C-c", "C-z"})
"""What leaves or suspends the program, which is no action of the run."""
_NAMED = {
    "enter": "Enter", "escape": "Escape", "tab": "Tab", "shift+tab": "BTab", "space": "Space",
    "backspace": "BSpace", "delete": "DC", "insert": "IC", "home": "Home", "end": "End", "up": "Up",
    "down": "Down", "left": "Left", "right": "Right", "pageup": "PPage", "pagedown": "NPage",
}  # fmt: skip
_MODIFIERS = {"ctrl": "C-", "shift": "S-", "alt": "M-"}
_NOT_SENT = ("super", "meta", "hyper", "cmd")


def tmux_key(key: str) -> str | None:
    """A key by tmux's name, from Textual's; `None` for one that no terminal sends."""
    if key in _NAMED:
        return _NAMED[key]
    *held, last = key.split("+")
    if any(each in _NOT_SENT for each in held) or len(held) > 1:
        return None
    sign = _NAMED.get(last) or SHOWN.get(last, last)
    if sign.startswith("f") and sign[1:].isdigit():
        sign = sign.upper()
    return "".join(_MODIFIERS[each] for each in held) + sign


def _classes(of: type[DOMNode] = DOMNode) -> Iterator[type[DOMNode]]:
    for each in of.__subclasses__():
        if each.__module__.startswith("handrail.tui.") or each is Input:
            yield from (base for base in each.__mro__ if issubclass(base, DOMNode))
        yield from _classes(each)


def _bound() -> set[str]:
    found = {key for action in KEY_ACTIONS for key in action.keys}
    for each in {HandrailApp, *_classes()}:
        for binding in Binding.make_bindings(vars(each).get("BINDINGS", ())):
            found.add(binding.key)
    return found


KEYS = tuple(sorted({key for each in _bound() if (key := tmux_key(each)) is not None} - LEAVING - {"Escape"}))
"""All of them; what one screen names is, on another one, a key that nothing names."""
