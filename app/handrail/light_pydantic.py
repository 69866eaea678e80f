"""Keeps pydantic from looking for plugins among all that is installed.

handrail's models are its own: what another package adds to every model of a process has no place in them. To
look for it reads the metadata of each installed package, which is a tenth of a command's start.
"""

from __future__ import annotations

import sys
from types import ModuleType

_LOADER = "pydantic.plugin._loader"


def without_plugins() -> None:
    """Have pydantic find no plugins. Where it no longer asks the module of that name, nothing is changed.

    `PYDANTIC_DISABLE_PLUGINS` would reach every task, whose own application may want them, and only stops
    the search, not the import of what searches.
    """
    loader = ModuleType(_LOADER)
    loader.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(_LOADER, loader)
