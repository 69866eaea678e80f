"""What every line-by-line screen does again and again: read what is new, tell it, keep the engine."""

from __future__ import annotations

from datetime import timedelta

from handrail.cli.narrator import Narrator
from handrail.clock import Instant
from handrail.journal.session import RunSession

POLL_SECONDS = 0.1
KEEP_EVERY = timedelta(seconds=3)


class Following:
    """One screen's hold on a run, told by lines."""

    def __init__(self, session: RunSession, narrator: Narrator, *, may_start_engine: bool = True) -> None:
        self.session = session
        self.narrator = narrator
        self._may_start_engine = may_start_engine
        self._kept: Instant | None = None

    def catch_up(self) -> bool:
        """Tell everything that is new; True where something was said."""
        said = self.narrator.tell(self.session.poll())
        said = self.narrator.follow_log() or said
        now = self.session.clock.now()
        said = self.narrator.tell_watch(now) or said
        said = self.narrator.tell_countdowns(now) or said
        return self._keep_engine(now) or said

    def _keep_engine(self, now: Instant) -> bool:
        if not self._may_start_engine or not self.session.state.phase.is_open:
            return False
        if self._kept is not None and now.since(self._kept) < KEEP_EVERY:
            return False
        self._kept = now
        if (said := self.session.keep_engine()) is not None:
            self.narrator.say(said)
            return True
        return False
