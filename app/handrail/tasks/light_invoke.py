"""Imports invoke without what it needs for tests alone.

`invoke.context` imports `unittest.mock`, and with it unittest and asyncio, for its `MockContext`: a fifth of
the time that an attempt takes to begin.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_MOCK = "unittest.mock"


def import_invoke() -> None:
    """Import invoke; whoever makes a `MockContext`, or imports `unittest.mock`, still gets the real one."""
    if _MOCK in sys.modules or "invoke" in sys.modules:
        return
    stand_in = ModuleType(_MOCK)
    stand_in.__dict__["Mock"] = _real_mock
    sys.modules[_MOCK] = stand_in
    try:
        importlib.import_module("invoke")
    finally:
        del sys.modules[_MOCK]


def _real_mock(*arguments: Any, **named: Any) -> Any:
    return importlib.import_module(_MOCK).Mock(*arguments, **named)
