"""Sampling: every prober at its own pace, and none waiting for another.

One thread leads: it looks with all probers that are due, one after the other, since a processor that has
just done the same needs half the time for it, and two requests at once would each measure the other. Where a
look takes longer than `PATIENCE_SECONDS`, the next thread takes the lead, and whoever hangs is left to the
former one. So there are few threads while all is well, and one more for each prober that hangs.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Sequence

from handrail.clock import Clock
from handrail.probes.base import LONGEST_REASON, Prober, unknown
from handrail.probes.collecting import Collector
from handrail.signals.window import Sample, SignalWindow

BEAT_SECONDS = 0.25
"""Looks begin on these beats; those of a longer pace are spread over them."""
PATIENCE_SECONDS = 0.02
STACK_BYTES = 512 * 1024

Tell = Callable[[str], None]


class Sampling:
    """Looks with every prober again and again until it is stopped; `paces` are seconds from look to look.

    `tell` is given, for the log, what went wrong that shouldn't have.
    """

    def __init__(
        self, probers: Sequence[Prober], paces: Sequence[float], seconds: float, clock: Clock, tell: Tell
    ) -> None:
        self._probers = tuple(probers)
        self._paces = tuple(paces)
        self._tell = tell
        self._collector = Collector(clock, seconds, probers)
        self._begun = 0.0
        self._due: list[tuple[float, int]] = []
        lock = threading.Lock()
        self._lock = lock
        self._leads = threading.Condition(lock)
        self._follows = threading.Condition(lock)
        self._rests = threading.Condition(lock)
        self._leader: int | None = None
        self._follower: int | None = None
        self._looking_since: float | None = None
        self._resting = 0
        self._threads = 0
        self._stopping = False

    def start(self) -> None:
        """Begin to look."""
        threading.stack_size(STACK_BYTES)
        self._begun = time.monotonic()
        for number, pace in enumerate(self._paces):
            beats = max(1, round(pace / BEAT_SECONDS))
            heapq.heappush(self._due, (BEAT_SECONDS * (number % beats), number))
        with self._lock:
            self._add_thread()
            self._add_thread()

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _add_thread(self) -> None:
        # One for each prober may hang; then one more leads, and one follows.
        if self._threads < len(self._probers) + 2:
            self._threads += 1
            threading.Thread(target=self._work, name=f"looks {self._threads}", daemon=True).start()

    def _work(self) -> None:
        me = threading.get_ident()
        while self._takes_the_lead(me):
            self._lead(me)

    def _takes_the_lead(self, me: int) -> bool:
        """Wait for the lead: at rest, then as the one who follows; False where the sampling is over."""
        with self._lock:
            while self._follower is not None and not self._stopping:
                self._resting += 1
                self._rests.wait()
                self._resting -= 1
            self._follower = me
            while not self._stopping and (wait := self._until_the_lead_is_free()) > 0:
                self._follows.wait(wait)
            self._leader, self._follower, self._looking_since = me, None, None
            if self._resting:
                self._rests.notify()
            elif not self._stopping:
                self._add_thread()
            return not self._stopping

    def _until_the_lead_is_free(self) -> float:
        """The seconds for which the leader is not late; to be asked again then."""
        if self._leader is None:
            return 0.0
        now = self._now()
        if self._looking_since is not None:
            return self._looking_since + PATIENCE_SECONDS - now
        return max(0.0, self._due[0][0] - now if self._due else 1.0) + PATIENCE_SECONDS

    def _lead(self, me: int) -> None:
        """Look with whoever is due, until the lead is lost."""
        while True:
            with self._lock:
                number = self._next_due(me)
                if number is None:
                    return
                look = self._collector.begin(self._probers[number], self._paces[number])
            self._collector.end(look, self._look(self._probers[number]))
            with self._lock:
                self._plan(number)
                if self._leader != me:
                    # The leader may be waiting for something later than this.
                    self._leads.notify()
                    return
                self._looking_since = None

    def _next_due(self, me: int) -> int | None:
        while not self._stopping and self._leader == me:
            wait = self._due[0][0] - self._now() if self._due else None
            if wait is not None and wait <= 0:
                _, number = heapq.heappop(self._due)
                self._looking_since = self._now()
                return number
            self._leads.wait(wait)
        return None

    def _plan(self, number: int) -> None:
        """When to look next: on the prober's own beat. What was missed is not made up for by a burst."""
        pace = self._paces[number]
        first = BEAT_SECONDS * (number % max(1, round(pace / BEAT_SECONDS)))
        turn = (self._now() - first) // pace + 1
        heapq.heappush(self._due, (first + pace * turn, number))

    def _look(self, prober: Prober) -> list[Sample]:
        try:
            found = prober.look()
        except Exception as defect:  # noqa: BLE001  (whatever a prober's defect is, it is unknown and no more)
            why = f"the probe failed: {type(defect).__name__}: {defect}"[:LONGEST_REASON]
            self._tell(f"{prober.name}: {why}")
            return unknown(prober.signals, self._collector.now(), why)
        names = {signal.name for signal in prober.signals}
        return [each for each in found if each.signal in names]

    def completed(self) -> list[SignalWindow]:
        """The windows that have become complete since the last call."""
        return self._collector.completed()

    def pause(self) -> float:
        """How long there is nothing to do but to wait, in seconds."""
        return self._collector.seconds_to_next()

    def stop(self) -> None:
        """Look no more; a look that hangs is left to its thread."""
        with self._lock:
            self._stopping = True
            for condition in (self._leads, self._follows, self._rests):
                condition.notify_all()
        for prober in self._probers:
            prober.close()
