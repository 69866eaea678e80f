"""The YAML of a runbook: a plain tree of mappings, lists and scalars, each with its line.

YAML 1.2, core schema (section 10.3.2), so `no` and `2026-11-23` are text. What can hide work or
code in a small file is refused while it is still a stream of tokens: anchors, aliases, tags,
directives, several documents, and more than 32 levels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from handrail.problems import Location, Problem, describe, dotted, quote

DEEPEST = 32
MOST_ENTRIES = 500
MOST_TOKENS = 10_000
LONGEST_NUMBER = 300

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_REFUSED = {
    "AnchorToken": "an anchor",
    "AliasToken": "an alias",
    "TagToken": "an explicit tag",
    "DirectiveToken": "a directive",
    "DocumentStartToken": "a second document",
    "DocumentEndToken": "the end of a document",
}
_OPENING = frozenset(
    {"BlockMappingStartToken", "BlockSequenceStartToken", "FlowMappingStartToken", "FlowSequenceStartToken"}
)
_CLOSING = frozenset({"BlockEndToken", "FlowMappingEndToken", "FlowSequenceEndToken"})


class Text(Struct, frozen=True):
    """One piece of text in the tree; `exact` where line n of the value is line n of the file."""

    location: Location
    value: str
    line: int
    exact: bool


class Tree(Struct, frozen=True):
    """A mapping read from YAML; `lines` has the line in the file of every key and list entry."""

    data: dict[str, Any]
    first_line: int
    lines: Mapping[Location, int]
    texts: tuple[Text, ...]

    def line(self, location: Location) -> int:
        """The line of a location, or of the nearest thing around it that has one."""
        while location:
            if (line := self.lines.get(location)) is not None:
                return line
            location = location[:-1]
        return self.first_line


def read_tree(
    text: str, *, file: Path, first_line: int, within: Location = ()
) -> tuple[Tree | None, list[Problem]]:
    """The mapping that `text` holds, and what is wrong with it; no mapping where it can't be parsed.

    `first_line` is the line of the file on which `text` begins; `within` is put before field names.
    """
    # Late: a runbook without any block opens without paying for the parser.
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415
    from ruamel.yaml.reader import ReaderError  # noqa: PLC0415

    field = dotted(within)
    try:
        if refused := _refusal(YAML(typ="safe", pure=True).scan(text)):
            offset, found, expected = refused
            return None, [Problem(file, first_line + offset, field, found, expected)]
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + min(mark.line if mark else 0, max(text.count("\n") - 1, 0))
        said = " ".join(filter(None, (error.context, error.problem)))
        return None, [Problem(file, line, field, f"what is not YAML ({said})", "YAML 1.2")]
    except ReaderError as error:
        line = first_line + text.count("\n", 0, error.position)
        return None, [Problem(file, line, field, "a control character", "printable text")]
    except (YAMLError, ValueError, IndexError, TypeError, AttributeError) as error:
        # The scanner trips over some malformed input instead of reporting it.
        return None, [Problem(file, first_line, field, f"what is not YAML ({error})"[:200], "YAML 1.2")]
    builder = _Builder(file, first_line, within)
    data = {} if root is None else builder.value(root, ())
    if not isinstance(data, dict):
        builder.problem((), first_line, describe(data), "a mapping: lines of `key: value`")
        return None, builder.problems
    return Tree(data, first_line, builder.lines, tuple(builder.texts)), builder.problems


def _refusal(tokens: Any) -> tuple[int, str, str] | None:
    depth = 0
    first = True
    for count, token in enumerate(tokens):
        name = type(token).__name__
        line = token.start_mark.line
        if name in _REFUSED and not (name == "DocumentStartToken" and first):
            return (
                line,
                _REFUSED[name],
                "plain YAML: one document without anchors, aliases, tags or directives",
            )
        if count > MOST_TOKENS:
            return line, "a very long block", "a few lines: what a step does, and how it is undone"
        first = first and name == "StreamStartToken"
        depth += (name in _OPENING) - (name in _CLOSING)
        if depth > DEEPEST:
            return line, f"more than {DEEPEST} levels", f"at most {DEEPEST} levels of nesting"
    return None


class _Builder:
    """Makes values of the parser's nodes, and keeps where each one stands."""

    def __init__(self, file: Path, first_line: int, within: Location) -> None:
        self._file = file
        self._first_line = first_line
        self._within = within
        self.lines: dict[Location, int] = {}
        self.texts: list[Text] = []
        self.problems: list[Problem] = []

    def problem(self, location: Location, line: int, found: str, expected: str) -> None:
        self.problems.append(Problem(self._file, line, dotted((*self._within, *location)), found, expected))

    def _line(self, node: Any) -> int:
        return int(node.start_mark.line) + self._first_line

    def value(self, node: Any, location: Location) -> Any:
        if node.id == "mapping":
            return self._mapping(node, location)
        if node.id == "sequence":
            values = []
            for index, item in enumerate(self._counted(node, location)):
                self.lines[*location, index] = self._line(item)
                values.append(self.value(item, (*location, index)))
            return values
        return self._scalar(node, location)

    def _counted(self, node: Any, location: Location) -> list[Any]:
        entries: list[Any] = node.value
        if len(entries) > MOST_ENTRIES:
            # Each could be a mistake of its own, and no person reads that many.
            found = f"{len(entries):,} entries"
            self.problem(location, self._line(node), found, f"at most {MOST_ENTRIES}")
        return entries[:MOST_ENTRIES]

    def _mapping(self, node: Any, location: Location) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in self._counted(node, location):
            line = self._line(key_node)
            if key_node.id != "scalar":
                self.problem(location, line, f"a {key_node.id} as a key", "a name as a key")
                continue
            key = str(key_node.value)
            if not key:
                self.problem(location, line, "an empty key", "a name as a key")
                continue
            if key in mapping:
                first = self.lines[*location, key]
                self.problem((*location, key), line, f"the key {quote(key)} again", f"it once (line {first})")
                continue
            self.lines[*location, key] = line
            mapping[key] = self.value(value_node, (*location, key))
        return mapping

    def _scalar(self, node: Any, location: Location) -> Any:
        text = str(node.value)
        if node.style is None and (plain := self._plain(text, location, self._line(node))) is not text:
            return plain
        # A literal block begins on the line after its sign.
        line = self._line(node) + (node.style == "|")
        self.texts.append(Text(location, text, line, node.style == "|"))
        return text

    def _plain(self, text: str, location: Location, line: int) -> Any:
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        number = _INTEGER.fullmatch(text) or _FLOAT.fullmatch(text) or _BASED.fullmatch(text)
        if not number and not _NOT_FINITE.fullmatch(text):
            return text
        if not number or len(text) > LONGEST_NUMBER:
            self.problem(location, line, quote(text), "a number that can be counted with, or text in quotes")
            return None
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _INTEGER.fullmatch(text):
            return int(text)
        value = float(text)
        if value in (float("inf"), float("-inf")):
            self.problem(location, line, quote(text), "a number that can be counted with, or text in quotes")
            return None
        return value
