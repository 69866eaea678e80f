"""Seeing to it, from any screen, that an open run has its engine."""

from __future__ import annotations

from collections.abc import Callable

from handrail.engine.launch import engine_alive, ensure_engine
from handrail.paths import StateFolder


def keep_engine(state: StateFolder, run: str) -> Callable[[], str | None]:
    """What sees to it that an open run has an engine; it says so where it had to start one."""

    def keep() -> str | None:
        if engine_alive(state, run) or not ensure_engine(state, run):
            return None
        return "The run's engine had ended; a new one goes on with the run."

    return keep
