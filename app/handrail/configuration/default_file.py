"""A commented `config.toml` that changes nothing: what can be set, and what is in force without it."""

from __future__ import annotations

from collections.abc import Iterable

from handrail.configuration.actions import EVERYWHERE, KeyAction, shown_key
from handrail.configuration.model import DEFAULT_THEME, HIGH_CONTRAST, PLAIN_16, TEXTUAL_THEMES

_HEAD = f"""\
# Settings of handrail's screens for one person. Every line here is a comment: without it, the same holds.
# Nothing in this file changes what a run may do. What is wrong in it is said, and has no effect.

# Colours: {HIGH_CONTRAST}, {PLAIN_16} (the terminal's own 16 colours, fewest bytes on a bad link), or one of
{{themes}}
# NO_COLOR in the environment goes before this: no colour at all is sent then.
# theme = "{DEFAULT_THEME}"

# Ring on what needs a person: a step that failed, a rollback trigger, a doubt, a question, the run's end.
# bell = true

# Say target, state and countdown in the terminal's title.
# title = true

# Take the mouse. Each of its moves costs about 200 bytes on the link.
# mouse = true

# One line for newcomers, until it is dismissed.
# hints = true

# Other keys for actions: one, or a list. Single characters, ctrl+b, f5, enter, space, pagedown and so on.
# An action that is named here has these keys alone.
# [keys]
"""


def default_file(actions: Iterable[KeyAction]) -> str:
    """The file's text, every setting commented out, the keys by the screen on which they act."""
    lines = [_HEAD.format(themes=_wrapped(TEXTUAL_THEMES)).rstrip("\n")]
    place = ""
    for action in sorted(actions, key=lambda each: each.place != EVERYWHERE):
        if action.place != place:
            place = action.place
            lines.append(f"#\n# {place[:1].upper()}{place[1:]}")
        keys = [f'"{_written(key)}"' for key in action.keys]
        value = keys[0] if len(keys) == 1 else f"[{', '.join(keys)}]"
        lines.append(f"# {action.name} = {value}  # {action.words}")
    return "\n".join(lines) + "\n"


def _written(key: str) -> str:
    sign = shown_key(key)
    text = sign if len(sign) == 1 and sign.isascii() else key
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _wrapped(names: Iterable[str]) -> str:
    lines, line = [], "#  "
    for name in names:
        if len(line) + len(name) > 100:
            lines.append(line)
            line = "#  "
        line += f" {name},"
    return "\n".join([*lines, line.rstrip(",") + "."])
