"""HTTP requests and their answers, as data; standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from handrail.errors import HandrailError


class CanNotAsk(HandrailError):
    """A request could not be made for a reason on this side: it tells nothing of whom it was for."""


class NoAnswer(HandrailError):
    """A request had no answer. `sent` is False where it never reached anybody, True where it may have."""

    def __init__(self, summary: str, *, sent: bool, **more: str) -> None:
        super().__init__(summary, **more)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request on a new connection. `shown` stands in for an address that is a secret.

    `by_proxy` lets the environment's HTTPS_PROXY apply: for services elsewhere, never for the target.
    `timeout` is in seconds, for connecting and for each read. `dry_status`, `dry_body` and
    `dry_headers` are the answer that a dry run gives.
    """

    url: str
    method: str = "GET"
    form: Mapping[str, str] | None = None
    json: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    shown: str | None = None
    by_proxy: bool = False
    dry_status: int = 200
    dry_body: str = ""
    dry_headers: Mapping[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """The request on one line: its method, and its address where that isn't a secret."""
        return f"{self.method} {self.shown or self.url}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names are in lower case, `seconds` is the time until its end was read.

    `certificate_ends` is when the server's certificate does, in seconds since 1970, where that was looked at.
    """

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    certificate_ends: float | None = None


def shortcoming(answer: Answer, status: int, text: str | None) -> str:
    """What an answer lacks, in words; empty where nothing."""
    if answer.status != status:
        return f"status {answer.status} instead of {status}"
    if text is not None and text not in answer.body:
        return f"the text {text!r} is missing"
    return ""
