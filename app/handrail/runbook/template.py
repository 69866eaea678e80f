"""References in a runbook's values: `${param.NAME}`, `${target.FIELD.FIELD}` and `${facts.NAME}`.

`$${` is a literal `${`. A text that is one reference and nothing else keeps its value's type.
Nothing here reaches a shell: resolved values are arguments, or environment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from handrail.errors import WrongUsage
from handrail.problems import describe, quote, suggestion

NAMESPACES = ("param", "target", "facts")
_REFERENCE = re.compile(r"([A-Za-z_][\w-]*)((?:\.[\w-]+)+)", re.ASCII)


class Reference(Struct, frozen=True):
    """One `${namespace.path}`; `start` and `end` are its place in the text that holds it."""

    namespace: str
    path: tuple[str, ...]
    start: int = 0
    end: int = 0

    def __str__(self) -> str:
        return "${" + ".".join((self.namespace, *self.path)) + "}"


class Malformed(Struct, frozen=True):
    """What begins like a reference and is none."""

    start: int
    found: str
    expected: str


class TemplateError(WrongUsage):
    """A value of the runbook can't be resolved as it is written."""


class MissingValue(TemplateError):
    """Nothing stands behind `reference`."""

    def __init__(self, reference: Reference, known: Collection[str] = ()) -> None:
        near = suggestion(reference.path[-1], known)
        super().__init__(
            f"There is no value for {reference}{near.rstrip('?')}{'?' if near else '.'}",
            still_safe="what needs this value was not started.",
            next_step="give the parameter, set it in handrail.toml, or run the step that reports this fact.",
        )
        self.reference = reference


Piece = str | Reference | Malformed


def parse(text: str) -> list[Piece]:
    """The pieces of `text` in order: literal text (with `$${` made `${`), references, malformed ones."""
    pieces: list[Piece] = []
    literal: list[str] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        if start > position and text[start - 1] == "$":
            literal.append(text[position : start - 1] + "${")
            position = start + 2
            continue
        literal.append(text[position:start])
        if written := "".join(literal):
            pieces.append(written)
        literal = []
        piece = _piece(text, start)
        pieces.append(piece)
        position = piece.end if isinstance(piece, Reference) else start + 2
    literal.append(text[position:])
    if written := "".join(literal):
        pieces.append(written)
    return pieces


def _piece(text: str, start: int) -> Reference | Malformed:
    inside = start + 2
    end = text.find("}", inside)
    stop = min((at for sign in ("\n", "${") if (at := text.find(sign, inside)) >= 0), default=len(text))
    if end < 0 or stop < end:
        return Malformed(
            start, f"{quote(text[start:stop])}, never closed", "a closing }, or $${ for a literal ${"
        )
    written = text[start : end + 1]
    if not (match := _REFERENCE.fullmatch(text, inside, end)):
        return Malformed(
            start, quote(written), "${param.NAME}, ${target.FIELD} or ${facts.NAME}, or $${ for a literal ${"
        )
    namespace = match[1]
    if namespace not in NAMESPACES:
        return Malformed(
            start, quote(written), f"param, target or facts before the dot{suggestion(namespace, NAMESPACES)}"
        )
    return Reference(namespace, tuple(match[2][1:].split(".")), start, end + 1)


def references(text: str) -> list[Reference]:
    """The well-formed references of `text`, in order."""
    return [piece for piece in parse(text) if isinstance(piece, Reference)]


def malformed(text: str) -> list[Malformed]:
    """What begins like a reference in `text` and is none, in order."""
    return [piece for piece in parse(text) if isinstance(piece, Malformed)]


def resolve(
    value: Any, namespaces: Mapping[str, Mapping[str, Any]], keep: Collection[str] = frozenset()
) -> Any:
    """`value` with its references replaced, through mappings and lists; keys stay as they are.

    References to a namespace in `keep` stay for a later call. Text that comes out of a value is then
    escaped, so that a parameter which happens to hold `${facts.…}` remains text for ever.
    Raises `MissingValue` for a reference without a value, `TemplateError` for a malformed one and
    for a list or mapping inside other text.
    """
    if isinstance(value, str):
        return _resolve_text(value, namespaces, frozenset(keep))
    if isinstance(value, Mapping):
        return {key: resolve(item, namespaces, keep) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, namespaces, keep) for item in value]
    return value


def _resolve_text(text: str, namespaces: Mapping[str, Mapping[str, Any]], keep: frozenset[str]) -> Any:
    pieces = parse(text)
    for piece in pieces:
        if isinstance(piece, Malformed):
            raise TemplateError(
                f"The value {quote(text)} can't be resolved: found {piece.found}; expected {piece.expected}.",
                still_safe="what needs this value was not started.",
                next_step="correct the runbook; `handrail check` names the line.",
            )
    if len(pieces) == 1 and isinstance(only := pieces[0], Reference):
        if only.namespace in keep:
            return text
        found = look_up(only, namespaces)
        return _escaped(found) if keep else found
    resolved: list[str] = []
    literal = ""
    for piece in pieces:
        if isinstance(piece, str):
            literal += piece
        elif isinstance(piece, Reference) and piece.namespace in keep:
            if literal.endswith("$"):
                raise TemplateError(
                    f"In {quote(text)} a value that ends in $ stands right before {piece}.",
                    next_step="put a space between the two in the runbook.",
                )
            resolved += (_escaped(literal), str(piece))
            literal = ""
        elif isinstance(piece, Reference):
            literal += _in_text(piece, look_up(piece, namespaces))
    resolved.append(_escaped(literal) if keep else literal)
    return "".join(resolved)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(item) for item in value]
    return value


def look_up(reference: Reference, namespaces: Mapping[str, Mapping[str, Any]]) -> Any:
    """The value behind a reference. Raises `MissingValue` where there is none."""
    value: Any = namespaces.get(reference.namespace)
    for name in reference.path:
        if isinstance(value, Mapping):
            if name not in value:
                raise MissingValue(reference, [str(key) for key in value])
            value = value[name]
        elif isinstance(value, Sequence) and not isinstance(value, str) and name.isdigit():
            if len(name) > 9 or int(name) >= len(value):
                raise MissingValue(reference)
            value = value[int(name)]
        else:
            raise MissingValue(reference)
    return value


def _in_text(reference: Reference, value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case None:
            raise MissingValue(reference)
    raise TemplateError(
        f"{reference} is {describe(value)}, which can't stand inside other text.",
        next_step="let the reference be the whole value, or name one of its fields.",
    )
