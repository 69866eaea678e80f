"""When a log may be painted again, so that nothing piles up on a slow link. Pure: it is told the time.

A repaint is followed by a question to the terminal (DSR 6, the cursor's position; ECMA-48 8.3.35). Its
answer says that all before it has arrived, over however many hops. A terminal within tmux or screen answers
from this side of the link, and some never answer: there a budget of bytes takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

REPAINT_SECONDS = 0.05
FLOOD_SECONDS = 1 / 6
MOST_KEYS_ON_THE_WAY = 2
_SHORTEST_WAIT_SECONDS = 0.001


class Pace(StrEnum):
    """What paces the repaints."""

    ANSWERS = "answers"
    BUDGET = "budget"
    SILENCE = "silence"


BYTES_A_SECOND = {Pace.ANSWERS: 56 * 1024, Pace.BUDGET: 24 * 1024, Pace.SILENCE: 8 * 1024}
SLOWEST_SECONDS = {Pace.ANSWERS: 0.0, Pace.BUDGET: 0.0, Pace.SILENCE: 0.5}
# So long is the first answer waited for, which any terminal owes at once; later ones may meet a stalled link.
FIRST_ANSWER_SECONDS = 2.0
LATE_ANSWER_SECONDS = 15.0


@dataclass(slots=True)
class Pacer:
    """Decides when the next repaint may be made. Times are seconds of one monotonic clock."""

    pace: Pace = Pace.BUDGET
    on_the_way: int = 0
    _ever_answered: bool = False
    _asked_at: float = 0.0
    _painted_at: float = field(default=-1e9)
    _owed_bytes: float = 0.0
    _owed_at: float = 0.0

    def wait_for_growth(self, now: float, *, flood: bool) -> float:
        """Seconds until the view may be painted because there is more of the log; 0 is now.

        `flood` is where a repaint adds more than a page. While an answer is outstanding, the wait ends with
        the answer; the seconds are those after which it is no longer waited for.
        """
        between = max(FLOOD_SECONDS if flood else REPAINT_SECONDS, SLOWEST_SECONDS[self.pace])
        waits = [self._painted_at + between - now, self._owed(now) / BYTES_A_SECOND[self.pace]]
        if self.pace is Pace.ANSWERS and self.on_the_way:
            waits.append(self._asked_at + self._patience - now)
        wait = max(waits)
        return wait if wait > _SHORTEST_WAIT_SECONDS else 0.0

    def is_rested(self, now: float) -> bool:
        """Whether nothing is on its way, and the last repaint longer ago than any of a flood."""
        return not self.on_the_way and now - self._painted_at >= 2 * FLOOD_SECONDS

    def wait_for_key(self, now: float) -> float:
        """Seconds until the view may be painted because of a key: at once, but for a key that repeats."""
        if self.pace is Pace.ANSWERS and self.on_the_way >= MOST_KEYS_ON_THE_WAY:
            return max(self._asked_at + self._patience - now, 0.0)
        if self.pace is Pace.SILENCE:
            return max(self._painted_at + REPAINT_SECONDS - now, 0.0)
        return 0.0

    @property
    def asks(self) -> bool:
        """Whether a repaint is to be followed by a question."""
        return self.pace is not Pace.BUDGET

    def begun(self, now: float) -> None:
        """A repaint begins."""
        self._painted_at = now

    def painted(self, now: float, written_bytes: int) -> None:
        """A repaint has been written."""
        self._owed_bytes = self._owed(now) + written_bytes
        self._owed_at = now

    def asked(self, now: float) -> None:
        """The question after a repaint has been written."""
        if self.on_the_way and now - self._asked_at >= self._patience:
            self.on_the_way = 0
            if not self._ever_answered:
                self.pace = Pace.SILENCE
        self.on_the_way += 1
        self._asked_at = now

    def answered(self) -> None:
        """An answer has come."""
        self._ever_answered = True
        self.pace = Pace.ANSWERS
        self.on_the_way = max(self.on_the_way - 1, 0)

    def _owed(self, now: float) -> float:
        return max(self._owed_bytes - (now - self._owed_at) * BYTES_A_SECOND[self.pace], 0.0)

    @property
    def _patience(self) -> float:
        return LATE_ANSWER_SECONDS if self._ever_answered else FIRST_ANSWER_SECONDS
