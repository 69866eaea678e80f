"""HTTP for sampling: one request, one new connection, to an address that was checked, within a time in all.

httpx needs 0.6 ms of processor time for each such request at best, and 2 ms with asyncio; the standard
library's client 0.25. Measured at thirty a second, between which a processor does other things, each of them
takes two to three times as long, and fifty probes may cost 20 ms a second in all. So the answer is read here
(`http_message`), too. That also leaves to us what a client doesn't tell apart: a name is resolved first and
each of its addresses checked, so that nothing between the check and the connection can lead elsewhere, and
one limit holds for the whole answer, however slowly it drips. What fails on this side (`CanNotAsk`) is kept
apart from what visitors meet, too (`NoAnswer`).
"""

from __future__ import annotations

import errno
import functools
import ipaddress
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from handrail.errors import MachineFault
from handrail.probes.exchange import Answer, CanNotAsk, NoAnswer, Request
from handrail.probes.http_message import LARGEST_BODY_BYTES, NotHttp, read_message
from handrail.project.addresses import host_of, refusal, refusal_of_host

_PART_BYTES = 64 * 1024
# What the system can't give us; that the other side can't be reached is for visitors to meet as well.
_OURS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EPERM,
        errno.EACCES,
    }
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Resolved = tuple[socket.AddressFamily, tuple[Any, ...]]
Resolve = Callable[[str, int], Iterable[Resolved]]


def resolve(host: str, port: int) -> list[Resolved]:
    """The addresses of a host, by the system's resolver. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request whose host may be asked; `family` is that of a host that is an address already."""

    request: Request
    host: str
    port: int
    encrypted: bool
    family: socket.AddressFamily | None
    message: bytes


_refusal = functools.lru_cache(maxsize=1024)(refusal)


class Direct:
    """Sends requests to `hosts` and to nobody else; one instance is shared by many threads."""

    def __init__(self, hosts: Iterable[str], resolver: Resolve = resolve) -> None:
        self._hosts = frozenset(hosts)
        self._resolve = resolver
        self._tls: ssl.SSLContext | None = None

    def may_ask(self, host: str) -> bool:
        """Whether a host is one of those that may be asked."""
        return host in self._hosts

    def prepared(self, request: Request) -> Prepared:
        """A request that is made again and again, checked and written once. Raises `CanNotAsk`."""
        parts = _parts(request)
        host = (parts.hostname or "").rstrip(".")
        if not self.may_ask(host):
            raise CanNotAsk(f"{host} is none of the target's hosts")
        if refused := refusal_of_host(host):
            raise CanNotAsk(refused)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return Prepared(request, host, port, parts.scheme == "https", _family(host), _message(request, parts))

    def ask(self, request: Request | Prepared) -> Answer:
        """Send one request, its `timeout` holding for all of it; the resolver has limits of its own.

        Raises `CanNotAsk` for what fails on this side, and `NoAnswer` for what visitors meet as well.
        """
        prepared = self.prepared(request) if isinstance(request, Request) else request
        seconds = prepared.request.timeout
        addresses = self._addresses(prepared)
        limit = _Limit(time.monotonic(), seconds)
        try:
            connection = self._connected(addresses, limit)
            try:
                certificate_ends = None
                if prepared.encrypted:
                    connection.settimeout(limit.left())
                    connection = self._context().wrap_socket(connection, server_hostname=prepared.host)
                    certificate_ends = _end_of(connection)
                connection.settimeout(limit.left())
                connection.sendall(prepared.message)
                return _answer(connection, limit, prepared.request.method, certificate_ends)
            finally:
                connection.close()
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {seconds:g} s", sent=True) from error
        except ssl.SSLCertVerificationError as error:
            raise NoAnswer(f"its certificate is refused: {error.verify_message}", sent=False) from error
        except NotHttp as error:
            raise NoAnswer(str(error), sent=True) from error
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _OURS:
                raise CanNotAsk(f"this machine can't connect: {reason}") from error
            raise NoAnswer(f"the connection failed: {reason}", sent=False) from error

    def _addresses(self, prepared: Prepared) -> list[Resolved]:
        host, port = prepared.host, prepared.port
        if prepared.family is not None:
            return [(prepared.family, (host, port))]
        try:
            found = list(self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            raise CanNotAsk(f"the name {host} can't be resolved: {error}") from error
        for _, address in found:
            # One of many is enough to refuse: the next connection might take that one.
            if refused := _refusal(str(address[0])):
                raise CanNotAsk(f"{host} leads to {refused}")
        if not found:
            raise CanNotAsk(f"the name {host} has no address")
        return found

    def _connected(self, addresses: list[Resolved], limit: _Limit) -> socket.socket:
        for number, (family, address) in enumerate(addresses):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(limit.left() / (len(addresses) - number))
                connection.connect(address)
            except OSError:
                connection.close()
                if number == len(addresses) - 1:
                    raise
            else:
                return connection
        raise AssertionError("a name without an address was refused before")

    def _context(self) -> ssl.SSLContext:
        # Reading the machine's certificates takes longer than a hundred requests.
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


@dataclass(frozen=True, slots=True)
class _Limit:
    started: float
    seconds: float

    def left(self) -> float:
        """The seconds that are left. Raises `TimeoutError` where none are."""
        left = self.started + self.seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def spent(self) -> float:
        return time.monotonic() - self.started


def _parts(request: Request) -> SplitResult:
    try:
        parts = urlsplit(request.url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise CanNotAsk(f"{request.shown or request.url} is no address of a web server")
    return parts


def _family(host: str) -> socket.AddressFamily | None:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _message(request: Request, parts: SplitResult) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = urlencode(request.form).encode() if request.form is not None else b""
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": "handrail",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if request.form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        headers["Content-Length"] = str(len(body))
    headers |= request.headers
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any(_CONTROL.search(line) for line in lines):
        raise CanNotAsk(f"{request.shown or request.url} holds control characters")
    try:
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    except UnicodeEncodeError as error:
        raise CanNotAsk(f"{request.shown or request.url} must be written in percent-encoding") from error


def _answer(connection: socket.socket, limit: _Limit, method: str, certificate_ends: float | None) -> Answer:
    def receive() -> bytes:
        # Each read has what is left of the limit: a slow drip would outlast one for each.
        connection.settimeout(limit.left())
        return connection.recv(_PART_BYTES)

    message = read_message(receive, method)
    seconds = limit.spent()
    content = _decoded(message.body, message.header("content-encoding"))
    return Answer(
        status=message.status,
        body=content.decode(_charset(message.header("content-type")), "replace"),
        headers=dict(reversed(message.headers)),
        cookies=dict(_cookie(value) for name, value in message.headers if name == "set-cookie"),
        seconds=seconds,
        certificate_ends=certificate_ends,
    )


def _decoded(body: bytes, encoding: str) -> bytes:
    """Some servers compress whatever is asked of them; what can't be read then is shown as it is."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, LARGEST_BODY_BYTES)
    except zlib.error:
        return body


@functools.lru_cache(maxsize=64)
def _charset(content_type: str) -> str:
    _, found, name = content_type.lower().partition("charset=")
    name = name.partition(";")[0].strip().strip("\"'")
    try:
        return name if found and "x".encode(name) else "utf-8"
    except LookupError:
        return "utf-8"


def _cookie(line: str) -> tuple[str, str]:
    name, _, value = line.partition(";")[0].partition("=")
    return name.strip(), value.strip()


def _end_of(connection: socket.socket) -> float | None:
    if not isinstance(connection, ssl.SSLSocket):
        return None
    ends = (connection.getpeercert() or {}).get("notAfter")
    return float(ssl.cert_time_to_seconds(ends)) if isinstance(ends, str) else None


def led_elsewhere(answer: Answer, direct: Direct) -> str:
    """Where a redirect leads that isn't the target's, in words; empty for any other answer.

    No redirect is ever followed; one to another host isn't what the target's visitors should get.
    """
    location = answer.headers.get("location", "")
    if not 300 <= answer.status < 400 or not location:
        return ""
    if "//" not in location.partition("?")[0]:
        return ""
    host = host_of(location)
    if direct.may_ask(host):
        return ""
    return f"it redirects to {host or location[:80]}, which is none of the target's hosts: not followed"


def revealed(secret: Any) -> str:
    """A secret's value. Raises `CanNotAsk` that names where it should be."""
    try:
        return str(secret.reveal())
    except MachineFault as error:
        raise CanNotAsk(error.summary.rstrip(".")) from error
