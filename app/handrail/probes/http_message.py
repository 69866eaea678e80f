"""Reads one HTTP/1.1 answer from a connection that ends with it (RFC 9112), with limits on all of it.

Of what the standard library's client needs for an answer, half goes into its headers, which it reads as those
of a mail. Sampling needs the status, a few headers by name, and the body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LARGEST_HEAD_BYTES = 64 * 1024
LARGEST_BODY_BYTES = 2 * 1024 * 1024
MOST_INTERIM_ANSWERS = 8
_WITHOUT_BODY = frozenset({204, 304})

Receive = Callable[[], bytes]
"""Gives the next bytes of a connection, and none at its end."""


class NotHttp(Exception):
    """What came is no HTTP answer, or not the whole of one; its text says how."""


@dataclass(frozen=True, slots=True)
class Message:
    """An answer; header names are in lower case, in their order, and may be repeated."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        return next((value for known, value in self.headers if known == name), "")


def read_message(receive: Receive, method: str) -> Message:
    """The answer to a request of this method; of a large body, its first 2 MiB. Raises `NotHttp`."""
    rest = b""
    for _ in range(MOST_INTERIM_ANSWERS):
        status, headers, rest = _head(receive, rest)
        # 100 Continue, 103 Early Hints: the answer itself is still to come.
        if status >= 200:
            break
    else:
        raise NotHttp("it answers with nothing but interim answers")
    known = dict(reversed(headers))
    if method == "HEAD" or status in _WITHOUT_BODY:
        body = b""
    elif known.get("transfer-encoding", "identity").lower() != "identity":
        body = _chunked(receive, rest)
    elif "content-length" in known:
        body = _measured(receive, rest, known["content-length"])
    else:
        body = _until_the_end(receive, rest)
    return Message(status, tuple(headers), body)


def _head(receive: Receive, begun: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    head = begun
    while (end := head.find(b"\r\n\r\n")) < 0:
        part = receive()
        if not part:
            raise NotHttp("it closes the connection within the head of its answer" if head else CLOSED)
        head += part
        if len(head) > LARGEST_HEAD_BYTES:
            raise NotHttp("the head of its answer has no end")
    first, *lines = head[:end].decode("latin-1").split("\r\n")
    version, _, said = first.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0") or not said[:3].isdigit() or said[3:4].strip():
        raise NotHttp(f"it answers {first[:60]!r}")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    return int(said[:3]), headers, head[end + 4 :]


CLOSED = "it closes the connection without an answer"
_BROKEN_OFF = "it breaks off its answer"


def _measured(receive: Receive, begun: bytes, length: str) -> bytes:
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        raise NotHttp(f"its answer has the length {length[:20]!r}")
    wanted = min(int(length), LARGEST_BODY_BYTES)
    parts, have = [begun], len(begun)
    while have < wanted:
        part = receive()
        if not part:
            raise NotHttp(_BROKEN_OFF)
        parts.append(part)
        have += len(part)
    return b"".join(parts)[:wanted]


def _until_the_end(receive: Receive, begun: bytes) -> bytes:
    parts, have = [begun], len(begun)
    while have < LARGEST_BODY_BYTES and (part := receive()):
        parts.append(part)
        have += len(part)
    return b"".join(parts)[:LARGEST_BODY_BYTES]


def _chunked(receive: Receive, begun: bytes) -> bytes:
    waiting = bytearray(begun)
    body = bytearray()

    def more() -> None:
        part = receive()
        if not part:
            raise NotHttp(_BROKEN_OFF)
        waiting.extend(part)

    while len(body) < LARGEST_BODY_BYTES:
        while (end := waiting.find(b"\r\n")) < 0:
            if len(waiting) > LARGEST_HEAD_BYTES:
                raise NotHttp("a chunk of its answer has no length")
            more()
        said = bytes(waiting[:end]).partition(b";")[0].strip()
        try:
            size = int(said, 16) if said.isalnum() and len(said) <= 16 else -1
        except ValueError:
            size = -1
        if size < 0:
            raise NotHttp("a chunk of its answer has no length")
        del waiting[: end + 2]
        if size == 0:
            break
        while len(waiting) < min(size, LARGEST_BODY_BYTES) + 2:
            more()
        body += waiting[: min(size, LARGEST_BODY_BYTES)]
        del waiting[: size + 2]
    return bytes(body[:LARGEST_BODY_BYTES])
