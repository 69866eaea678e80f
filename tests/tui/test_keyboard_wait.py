"""A keyboard that nobody touches is waited for without looking, and what comes is there at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from handrail.tui.keyboard_wait import KeyboardWait
from handrail.tui.pasting import LOST_END_TICKS, PasteReader
from waiting import wait_for

Waited = tuple[KeyboardWait, int]


@pytest.fixture
def waited() -> Iterator[Waited]:
    """One that looks twice before it waits, and the end that is written to."""
    keys, terminal = os.pipe()
    wait = KeyboardWait(keys, quiet_looks=2)
    yield wait, terminal
    wait.close()
    os.close(keys)
    os.close(terminal)


def looks(wait: KeyboardWait, found: list[bool]) -> threading.Thread:
    """Look until something has come, as the thread that reads the keyboard."""

    def look() -> None:
        while True:
            found.append(wait.is_readable())
            if found[-1]:
                return

    thread = threading.Thread(target=look)
    thread.start()
    return thread


def test_it_looks_while_something_may_follow_and_waits_when_nothing_can(waited: Waited) -> None:
    wait, terminal = waited
    found: list[bool] = []
    thread = looks(wait, found)
    wait_for(lambda: len(found) == 2, "two looks")
    thread.join(0.5)
    assert found == [False, False]
    os.write(terminal, b"x")
    thread.join(10)
    assert found == [False, False, True]


def test_it_is_woken_and_looks_often_again(waited: Waited) -> None:
    wait, terminal = waited
    found: list[bool] = []
    thread = looks(wait, found)
    wait_for(lambda: len(found) == 2, "two looks")
    wait.wake()
    # The look that was woken, and two more.
    wait_for(lambda: len(found) == 5, "looks after it was woken")
    os.write(terminal, b"x")
    thread.join(10)
    assert found == [False] * 5 + [True]


def test_a_wake_before_the_wait_is_not_lost(waited: Waited) -> None:
    wait, terminal = waited
    wait.wake()
    assert not wait.is_readable()
    os.write(terminal, b"x")
    wait.wake()
    assert wait.is_readable()


def test_half_a_paste_ends_before_the_looks_do() -> None:
    from handrail.tui.keyboard_wait import QUIET_LOOKS

    reader = PasteReader()
    reader.read("\x1b[200~half")
    ended = [look for look in range(QUIET_LOOKS) if reader.quiet()]
    assert ended == [LOST_END_TICKS - 1]
