"""What a judge is given of one signal."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from handrail.signals.baseline import SignalBaseline
from handrail.signals.limits import Limits
from handrail.signals.series import Known
from handrail.signals.signal import Signal


class Case(Struct, frozen=True):
    """One signal after the newest window of a watch.

    `known` are its windows with samples, `now` the end of the newest window, both in seconds from the watch's
    first window. `watch` is the watch's whole length, and `accepted` the probability of a false alarm that
    this one signal may have over it.
    """

    signal: Signal
    known: Known
    now: float
    baseline: SignalBaseline | None
    limits: Limits
    watch: timedelta
    accepted: float
