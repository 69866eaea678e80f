"""Pages and user flows, asked as a visitor would: bad is what a visitor would call so.

An answer of another status or without its text, a refused connection and a time-out are bad; what fails on
this side, and the maintenance page, are unknown. Neither has a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail.clock import Clock, Instant
from handrail.probes.base import sample, unknown
from handrail.probes.direct import Direct, Prepared, led_elsewhere
from handrail.probes.exchange import Answer, CanNotAsk, NoAnswer, Request, shortcoming
from handrail.probes.flow_request import flow_request
from handrail.project.signals import base_of, signals_of_probe
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Flow, Maintenance, Target
    from handrail.project.probes import Probe

DAY_SECONDS = 86_400.0
MAINTENANCE = "the maintenance page is up"
# Without it, a cache on the way would answer for a dead application.
_PAST_CACHES = {"Cache-Control": "no-cache"}


def is_maintenance(answer: Answer, maintenance: Maintenance) -> bool:
    """Whether an answer is the maintenance page, which says nothing of the application."""
    return answer.status == 503 and maintenance.marker in answer.body


class PageProber:
    """One page: whether it is as it should be, how long it took, and how long its certificate is good."""

    dated_at_start = True

    def __init__(self, target: Target, probe: Probe, clock: Clock, direct: Direct) -> None:
        assert probe.http is not None  # noqa: S101  (its kind says so)
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._page = probe.http
        self._maintenance = None if probe.http.past_maintenance else target.maintenance
        self._clock = clock
        self._direct = direct
        base = base_of(target, past_maintenance=probe.http.past_maintenance)
        self._request = Request(base + probe.http.path, headers=_PAST_CACHES, timeout=self.timeout)
        self._prepared: Prepared | None = None

    def look(self) -> list[Sample]:
        """Ask for the page, on a new connection."""
        at = self._clock.now()
        went, took, *certificate = self.signals
        try:
            self._prepared = self._prepared or self._direct.prepared(self._request)
            answer = self._direct.ask(self._prepared)
        except CanNotAsk as error:
            return unknown(self.signals, at, error.summary)
        except NoAnswer as error:
            return [sample(went, at, 1.0, error.summary), *unknown(certificate, at, error.summary)]
        dates = [
            sample(each, at, (answer.certificate_ends - at.wall) / DAY_SECONDS)
            if answer.certificate_ends is not None
            else sample(each, at, None, "the connection had no certificate")
            for each in certificate
        ]
        wrong = shortcoming(answer, self._page.expect_status, self._page.expect_text)
        if wrong and self._maintenance is not None and is_maintenance(answer, self._maintenance):
            return [*unknown((went, took), at, MAINTENANCE), *dates]
        if wrong := led_elsewhere(answer, self._direct) or wrong:
            return [sample(went, at, 1.0, wrong), *dates]
        return [sample(went, at, 0.0), sample(took, at, answer.seconds * 1000), *dates]

    def close(self) -> None:
        """Each connection was closed with its look."""


class FlowProber:
    """One user flow, request by request: whether all of it went well, and how long it took in all."""

    dated_at_start = True

    def __init__(self, target: Target, probe: Probe, clock: Clock, direct: Direct) -> None:
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._base = base_of(target, past_maintenance=True)
        self._flow: Flow | None = next((f for f in target.smoke.flows if f.name == probe.flow), None)
        self._maintenance = target.maintenance
        self._clock = clock
        self._direct = direct

    def look(self) -> list[Sample]:
        """Walk through the flow; what one request lacks ends it."""
        at = self._clock.now()
        went, took = self.signals
        if self._flow is None or not self._flow.requests:
            return unknown(self.signals, at, "the target has no such flow, or one without requests")
        try:
            wrong, seconds = self._walk(self._flow, at)
        except CanNotAsk as error:
            return unknown(self.signals, at, error.summary)
        except NoAnswer as error:
            return [sample(went, at, 1.0, error.summary)]
        if wrong == MAINTENANCE:
            return unknown(self.signals, at, wrong)
        if wrong:
            return [sample(went, at, 1.0, wrong)]
        return [sample(went, at, 0.0), sample(took, at, seconds * 1000)]

    def _walk(self, flow: Flow, started: Instant) -> tuple[str, float]:
        cookies: dict[str, str] = {}
        seconds = 0.0
        for step in flow.requests:
            left = self.timeout - self._clock.now().since(started).total_seconds()
            if left <= 0:
                raise NoAnswer(f"the flow took longer than {self.timeout:g} s", sent=True)
            made = flow_request(f"{self._base}/{step.path.lstrip('/')}", step, cookies)
            request = Request(made.url, made.method, made.form, headers=made.headers, timeout=left)
            try:
                answer = self._direct.ask(request)
            except NoAnswer as error:
                raise NoAnswer(f"{step.method} {step.path}: {error.summary}", sent=error.sent) from error
            seconds += answer.seconds
            cookies.update(answer.cookies)
            wrong = shortcoming(answer, step.expect_status, step.expect_text)
            if wrong and is_maintenance(answer, self._maintenance):
                return MAINTENANCE, seconds
            if wrong := led_elsewhere(answer, self._direct) or wrong:
                return f"{step.method} {step.path}: {wrong}", seconds
        return "", seconds

    def close(self) -> None:
        """Each connection was closed with its request."""
