"""Keys in their order: each one is for what stands there once the one before it has been done.

Textual hands a key to whatever has the focus when it comes. Of two that come at once, as they do over a link
that stalls, the second would go to what the first is about to open or close, and be lost or do another thing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.widget import Widget

PATIENCE_SECONDS = 10.0
"""A part that is stuck for so long no longer holds up a key: it may be the one that leaves."""

_LOOK_SECONDS = 0.05
_FEWEST_ROUNDS = 2
"""What a key asks for is done in the first; what that tells the parts above it, in the second."""

_MOST_ROUNDS = 8


class TypedInOrder:
    """Hands on what is typed, the next only after all that the one before it began on the screen is done."""

    def __init__(self, app: App[Any], hand_on: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._hand_on = hand_on
        self._waiting: deque[events.Event] = deque()
        self._settling: asyncio.Task[None] | None = None

    async def take(self, event: events.Event) -> None:
        """Hand on a key or a paste, at once where nothing is under way."""
        if self._settling is not None:
            self._waiting.append(event)
            return
        await self._hand_on(event)
        self._settling = asyncio.create_task(self._settle(), name="typed in order")

    def stop(self) -> None:
        """Forget what waits: there is no screen left for it."""
        self._waiting.clear()
        if self._settling is not None:
            self._settling.cancel()

    async def _settle(self) -> None:
        try:
            await self._rest()
            while self._waiting:
                await self._hand_on(self._waiting.popleft())
                await self._rest()
        except Exception as error:  # noqa: BLE001  as Textual does with what fails in a message's handler
            self._app._handle_exception(error)
        finally:
            self._settling = None

    async def _rest(self) -> None:
        """Until nothing that a key reaches has anything left to do, and the same part has the focus."""
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        for done in range(1, _MOST_ROUNDS + 1):
            before = self._at_hand
            for pump in before.ancestors_with_self if before else ():
                await _reached(pump, until)
            if done >= _FEWEST_ROUNDS and self._at_hand is before:
                return

    @property
    def _at_hand(self) -> Widget | None:
        """What a key would go to now."""
        return (self._app.focused or self._app.screen) if self._app.screen_stack else None


async def _reached(pump: MessagePump, until: float) -> None:
    """Until a part has done all that was asked of it so far, has ended, or it is too late."""
    reached = asyncio.Event()
    if not pump.call_later(reached.set):
        return
    clock = asyncio.get_running_loop().time
    ran = pump.is_running
    while not reached.is_set() and clock() < until and (pump.is_running or not ran):
        ran = ran or pump.is_running
        with suppress(TimeoutError):
            await asyncio.wait_for(reached.wait(), _LOOK_SECONDS)
