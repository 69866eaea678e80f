"""From `config.toml` to what is in force: whatever is wrong in it is named, and keeps nobody from a run."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from handrail.configuration.actions import FIXED_KEYS, KeyAction, clashes, key_named, shown_key
from handrail.configuration.model import THEMES, Configuration, LoadedConfiguration
from handrail.problems import Location, Problem, dotted, from_validation, in_order, one_of, quote
from handrail.project.toml import key_lines
from handrail.sources import Unreadable, read_source

FOLDER, FILE_NAME = "handrail", "config.toml"


def locate(environment: Mapping[str, str]) -> Path:
    """Where the file is looked for (XDG Base Directory Specification)."""
    base = environment.get("XDG_CONFIG_HOME", "")
    # A relative path there is to be ignored, says the specification.
    if not base.startswith("/"):
        base = os.path.join(environment.get("HOME") or os.path.expanduser("~"), ".config")  # noqa: PTH111,PTH118
    return Path(base) / FOLDER / FILE_NAME


def load(path: Path, actions: Iterable[KeyAction]) -> LoadedConfiguration:
    """The settings of one file; without it, the defaults. Never raises: what is wrong has no effect."""
    if not os.path.lexists(path):
        return LoadedConfiguration(path, Configuration())
    try:
        source = read_source(path)
    except Unreadable as error:
        return LoadedConfiguration(path, Configuration(), tuple(error.problems), found=True)
    try:
        data = tomllib.loads(source.text)
        lines = key_lines(source.text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        return LoadedConfiguration(path, Configuration(), (_not_toml(path, error),), found=True)
    reading = _Reading(path, data, lines, tuple(actions))
    settings = reading.settings()
    return LoadedConfiguration(path, settings, in_order(reading.problems), found=True)


def _not_toml(path: Path, error: Exception) -> Problem:
    match = re.search(r" \(at line (\d+), column \d+\)$", str(error))
    said = str(error).split(" (at ")[0] or "nested too deeply"
    return Problem(path, int(match[1]) if match else 1, "", f"what is not TOML ({said})", "TOML 1.0")


class _Reading:
    """One file being read: its data, without what was found to be wrong."""

    def __init__(
        self,
        path: Path,
        data: dict[str, Any],
        lines: Mapping[Location, int],
        actions: tuple[KeyAction, ...],
    ) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._data = data
        self._lines = lines
        self._actions = actions

    def settings(self) -> Configuration:
        """All that is right in the file."""
        while True:
            try:
                read = Configuration.model_validate(self._data)
                break
            except ValidationError as error:
                self.problems += from_validation(error, Configuration, file=self._path, line_of=self._line_of)
                for detail in error.errors(include_url=False):
                    self._leave_out(detail["loc"])
                # Each round has at least one entry less, so that this ends.
        theme = read.theme
        if theme is not None and theme not in THEMES:
            self._problem(("theme",), f"the unknown theme {quote(theme)}", one_of(theme, THEMES))
            theme = None
        return read.model_copy(update={"theme": theme, "keys": self._keys(read.keys)})

    def _leave_out(self, location: tuple[str | int, ...]) -> None:
        """Take the entry that is wrong out of the data; all the rest of the file has its effect."""
        names = [part for part in location if isinstance(part, str) and part != "[key]"][:2]
        if len(names) == 2 and names[0] == "keys" and isinstance(self._data.get("keys"), dict):
            self._data["keys"].pop(names[1], None)
        elif names:
            self._data.pop(names[0], None)

    def _keys(self, written: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        known = {action.name: action for action in self._actions}
        keys: dict[str, tuple[str, ...]] = {}
        for name, each in written.items():
            at: Location = ("keys", name)
            if name not in known:
                self._problem(at, f"the unknown action {quote(name)}", one_of(name, known))
                continue
            found = [key_named(key) for key in each]
            for key, named in zip(each, found, strict=True):
                if named is None:
                    expected = "a key, such as R, ctrl+b, f5, ? or pagedown"
                    self._problem(at, f"the unknown key {quote(key)}", expected)
                elif named in FIXED_KEYS:
                    self._problem(at, f"{named}, which has one meaning on every screen", "another key")
            if all(key is not None and key not in FIXED_KEYS for key in found):
                keys[name] = tuple(key for key in found if key is not None)
        return self._without_clashes(keys)

    def _without_clashes(self, keys: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        # Leaving one out gives another action its own keys back, which may clash in turn.
        while found := clashes(self._actions, keys):
            for name, key, other in found:
                what = f"{shown_key(key)}, which is {other} on the same screen"
                self._problem(("keys", name), what, f"another key, or another one for {other}")
                keys = {each: value for each, value in keys.items() if each != name}
        return keys

    def _problem(self, at: Location, found: str, expected: str) -> None:
        self.problems.append(Problem(self._path, self._line_of(at), dotted(at), found, expected))

    def _line_of(self, location: Location) -> int:
        while location and location not in self._lines:
            location = location[:-1]
        return self._lines.get(location, 1)
