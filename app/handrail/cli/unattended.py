"""The run without a person, told by lines: `handrail run --auto`, and the rest of `handrail rollback`."""

from __future__ import annotations

import time
from collections.abc import Callable

from handrail.cli.auto import OnFailure, Stop, next_move
from handrail.cli.following import POLL_SECONDS, Following
from handrail.cli.window import run_window
from handrail.errors import ExitCode, StorageFault


class UnattendedScreen:
    """Gives each next command by itself until `next_move` says stop."""

    def __init__(
        self,
        following: Following,
        *,
        attach_command: str,
        attest: str | None = None,
        on_failure: OnFailure = OnFailure.LEAVE,
        acts: bool = True,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._following = following
        self._session = following.session
        self._narrator = following.narrator
        self._attach_command = attach_command
        self._attest = attest
        self._on_failure = on_failure
        self._acts = acts
        self._pause = pause

    def drive(self) -> ExitCode:
        """Until the run is closed or needs someone; without `acts`, until it is closed."""
        self._narrator.greet()
        self._narrator.say_all(run_window(self._session.state, self._session.clock.now()))
        try:
            while True:
                self._following.catch_up()
                if (stop := self._once()) is not None:
                    return self._left(stop)
                self._pause(POLL_SECONDS)
        except KeyboardInterrupt:
            return self._left(Stop(ExitCode.DETACHED, "Interrupted."))

    def _once(self) -> Stop | None:
        session = self._session
        if session.waits_for_answer:
            return None
        if session.answers and not session.answers[-1].accepted:
            return Stop(ExitCode.REFUSED, f"Refused: {session.answers[-1].reason}")
        if not self._acts and session.state.phase.is_open:
            return None
        if session.state.phase.is_open and not session.is_operator:
            return Stop(ExitCode.DETACHED, f"{session.state.operator.name} drives the run now.")
        move = next_move(session.state, attest=self._attest, on_failure=self._on_failure)
        if move is None or isinstance(move, Stop):
            return move
        if (why := session.why_not(move)) is not None:
            return Stop(ExitCode.REFUSED, f"Refused: {why}")
        try:
            session.send(move)
        except StorageFault as fault:
            self._narrator.say_all(fault.lines())
            return Stop(ExitCode.FAILED_OR_ROLLED_BACK, "Stopped here: nothing further is started.")
        return None

    def _left(self, stop: Stop) -> ExitCode:
        self._narrator.follow_log(ended=True)
        if stop.why:
            self._narrator.say(stop.why)
        if self._session.state.phase.is_open:
            self._narrator.say(f"The run stays open; go on with: {self._attach_command}")
        return stop.code
