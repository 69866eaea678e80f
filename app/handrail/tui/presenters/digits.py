"""Large digits, three rows high, made of characters that every terminal font has."""

from __future__ import annotations

_FORMS = {
    "0": ("┏━┓", "┃ ┃", "┗━┛"),
    "1": (" ╻ ", " ┃ ", " ╹ "),
    "2": ("╺━┓", "┏━┛", "┗━╸"),
    "3": ("╺━┓", " ━┫", "╺━┛"),
    "4": ("╻ ╻", "┗━┫", "  ╹"),
    "5": ("┏━╸", "┗━┓", "╺━┛"),
    "6": ("┏━╸", "┣━┓", "┗━┛"),
    "7": ("╺━┓", "  ┃", "  ╹"),
    "8": ("┏━┓", "┣━┫", "┗━┛"),
    "9": ("┏━┓", "┗━┫", "╺━┛"),
    ":": (" ", "╏", " "),
    "-": ("  ", "╺╸", "  "),
}
HEIGHT = 3


def large(text: str) -> tuple[str, str, str]:
    """A clock face in three rows. Raises `KeyError` for anything but digits, colon and minus."""
    forms = [_FORMS[character] for character in text]
    first, second, third = (" ".join(form[row] for form in forms) for row in range(HEIGHT))
    return first, second, third
