"""HTML elements, every text in them escaped: the one place where a report's text becomes markup."""

from __future__ import annotations

from html import escape

VOID = frozenset({"meta", "line", "rect", "polyline", "path"})


class Markup(str):
    """Text that is markup already: made by `element` and `text` alone."""

    __slots__ = ()


def text(value: str) -> Markup:
    """A text as markup: nothing in it is taken for an element or for an end of one."""
    return Markup(escape(value, quote=True))


def element(name: str, /, *inside: str | None, **attributes: str | float | bool | None) -> Markup:
    """One element; what isn't `Markup` yet inside of it is escaped, as every attribute's value is.

    A trailing or inner underscore of an attribute's name stands for nothing or for a hyphen (`class_`,
    `aria_hidden`); `None` and `False` leave the attribute out, `True` writes its name alone.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID and not inside:
        return Markup(f"<{name}{written}>" if name == "meta" else f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(*inside)}</{name}>")


def joined(*parts: str | None) -> Markup:
    """Several pieces one after the other; plain texts are escaped."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts if part))


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    given = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{escape(given, quote=True)}"'
