"""What `config.toml` can say. Nothing in it changes what a run may do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Struct
from pydantic import BeforeValidator, Field

from handrail.problems import Problem
from handrail.terminals import shows_sixteen_colours
from handrail.values import Frozen

DEFAULT_THEME = "textual-dark"
HIGH_CONTRAST = "high-contrast"
PLAIN_16 = "plain-16"
TEXTUAL_THEMES = (
    "textual-dark",
    "textual-light",
    "nord",
    "gruvbox",
    "catppuccin-mocha",
    "dracula",
    "tokyo-night",
    "monokai",
    "flexoki",
    "catppuccin-latte",
    "catppuccin-frappe",
    "catppuccin-macchiato",
    "solarized-light",
    "solarized-dark",
    "rose-pine",
    "rose-pine-moon",
    "rose-pine-dawn",
    "atom-one-dark",
    "atom-one-light",
    "ansi-dark",
    "ansi-light",
)
"""Named here so that `handrail config` need not import Textual; a test holds the two together."""
THEMES = (HIGH_CONTRAST, PLAIN_16, *TEXTUAL_THEMES)


def _as_list(value: object) -> object:
    keys = (value,) if isinstance(value, str) else value
    if not isinstance(keys, list | tuple) or not keys or not all(isinstance(key, str) for key in keys):
        raise ValueError('a key, such as "R", or a list of keys')
    return keys


Switch = Annotated[bool, Field(strict=True)]
KeyList = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class Configuration(Frozen):
    """One person's settings. `keys` gives for an action's name the keys that stand in for its own.

    `theme` is `None` where nothing was chosen: the terminal then decides.
    """

    theme: str | None = None
    bell: Switch = True
    title: Switch = True
    mouse: Switch = True
    hints: Switch = True
    keys: dict[str, KeyList] = Field(default_factory=dict)

    def theme_for(self, environment: Mapping[str, str]) -> str:
        """The theme to begin with: the chosen one, else what the terminal can show."""
        if self.theme is not None:
            return self.theme
        return PLAIN_16 if shows_sixteen_colours(environment) else DEFAULT_THEME


class LoadedConfiguration(Struct, frozen=True):
    """What is in force, where it would be read from, and what of the file is wrong and has no effect."""

    path: Path
    settings: Configuration
    problems: tuple[Problem, ...] = ()
    found: bool = False
