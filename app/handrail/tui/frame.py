"""The frame that says production on every screen, in words and colour: one way for all of them.

A screen whose header names the target anyway (`NAMES_ITS_TARGET`) goes without it where rows are short.
"""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.screen import Screen

from handrail.project.model import Target
from handrail.text import clean_line
from handrail.tui.presenters.header import production_words

FRAME_CSS = """
Screen.-production { border-top: heavy #d00000; border-title-align: center; border-title-style: bold;
    border-title-color: white; border-title-background: #a00000; }
#hint { padding: 0; }
Screen.-short #hint { display: none; }
Screen.-production.-short.-names-its-target { border-top: none; }
"""


def frame(screen: Screen[Any], target: Target | None, *, names_its_target: bool) -> None:
    """Make the screen say production where its target is; take that back where it isn't."""
    production = target is not None and target.production
    if target is not None and production:
        screen.border_title = Content(f" {clean_line(production_words(target))} ")
    screen.set_class(production, "-production")
    screen.set_class(names_its_target, "-names-its-target")
