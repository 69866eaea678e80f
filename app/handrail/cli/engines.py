"""Seeing to it, from any screen, that an open run has its engine."""

from __future__ import annotations

import time
from collections.abc import Callable

from handrail.engine.launch import engine_alive, ensure_engine
from handrail.engine.trouble import trouble_of
from handrail.errors import MachineFault, StorageFault
from handrail.paths import StateFolder

MOST_STARTS = 3
STARTS_WITHIN_SECONDS = 60.0
SHOWN_BYTES = 4096


def keep_engine(state: StateFolder, run: str) -> Callable[[], str | None]:
    """What sees to it that an open run has an engine; it gives a sentence where there is something to say.

    That is: an engine had to be started, or ends again and again, or can't write the journal.
    """
    starts: list[float] = []
    keep = _news_of(
        lambda: _trouble(state, run, starts), lambda before: f"The engine goes on. (It was: {before})"
    )

    def keep_with_news() -> str | None:
        now = time.monotonic()
        starts[:] = [at for at in starts if now - at < STARTS_WITHIN_SECONDS]
        if len(starts) < MOST_STARTS and not engine_alive(state, run):
            starts.append(now)
            try:
                started = ensure_engine(state, run)
            except StorageFault:
                raise
            except MachineFault as fault:
                return f"{fault.summary} {last_words(state, run)}. What runs goes on."
            if started:
                return "The run's engine had ended; a new one goes on with the run."
            # Another screen was first.
            starts.pop()
        return keep()

    return keep_with_news


def watch_engine(state: StateFolder, run: str) -> Callable[[], str | None]:
    """The same for one who only looks on, who starts nothing: an engine would run as another user."""

    def trouble() -> str:
        if engine_alive(state, run):
            return _trouble(state, run, [])
        return (
            "No engine drives this run now: what runs goes on, nothing further is started, and no deadline is"
            " told, until its operator attaches."
        )

    return _news_of(trouble, lambda before: "An engine drives the run again.")


def _news_of(trouble: Callable[[], str], over: Callable[[str], str]) -> Callable[[], str | None]:
    """What says a trouble once, when it changes, and once that it is over."""
    said = ""

    def news() -> str | None:
        nonlocal said
        words = trouble()
        if words == said:
            return None
        said, before = words, said
        return words or over(before)

    return news


def _trouble(state: StateFolder, run: str, starts: list[float]) -> str:
    if engine_alive(state, run):
        if trouble := trouble_of(state.engine_trouble(run)):
            return f"The engine can't go on, and starts nothing; what runs goes on. {trouble}"
        return ""
    if len(starts) < MOST_STARTS:
        return ""
    return (
        f"The run's engine ended {len(starts)} times in a minute: {last_words(state, run)}. What runs goes"
        " on, and nothing is lost; nothing further is started. Do now: mend what it says; it is tried"
        f" again in a minute. All of it: {state.engine_log(run)}"
    )


def last_words(state: StateFolder, run: str) -> str:
    """The last line of the engine's log: of a traceback, the one that says what it was."""
    try:
        content = state.engine_log(run).read_bytes()[-SHOWN_BYTES:]
    except OSError:
        return "its log can't be read"
    lines = content.decode(errors="replace").split("\n")
    # A traceback's last line may be followed by indented evidence and by advice.
    raised = [text for text in lines if text.strip() and not text.startswith((" ", "Still safe:", "Do now:"))]
    return raised[-1].strip().rstrip(".") if raised else "it said nothing"
