"""What the sandbox's metrics are made from: the proxy's access log, and the application's processes."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

KEPT_SECONDS = 3600.0
MOST_REQUESTS = 200_000
LARGEST_READ = 16_000_000
_PID_FILE = re.compile(r"(.+)-(\d+)\.pid")


@dataclass(frozen=True, slots=True)
class Request:
    """One request that the application was asked: when it was over (Unix time), and how it went."""

    at: float
    seconds: float
    labels: dict[str, str]


class Requests:
    """The last hour's requests, oldest first, as the access log tells of them."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at: list[float] = []
        self._requests: list[Request] = []
        self._inode = 0
        self._offset = 0

    def read(self) -> None:
        """Read what was written since the last time, through a rotation."""
        try:
            status = self._log.stat()
        except FileNotFoundError:
            self._leave()
            return
        if status.st_ino != self._inode or status.st_size < self._offset:
            self._leave()
        self._inode = status.st_ino
        self._read(self._log)
        self._forget()

    def between(self, after: float, until: float, wanted: Callable[[Request], bool]) -> list[Request]:
        """Those that were over after one moment, and not after the other."""
        first, last = bisect_right(self._at, after), bisect_right(self._at, until)
        return [request for request in self._requests[first:last] if wanted(request)]

    def any(self, until: float, wanted: Callable[[Request], bool]) -> bool:
        """Whether there was ever such a request by then: a series without any doesn't exist."""
        last = bisect_right(self._at, until)
        return any(wanted(request) for request in self._requests[:last])

    def _leave(self) -> None:
        """Be done with the file that was read so far; where it was rotated, first read its end."""
        older = self._log.with_name(f"{self._log.name}.1")
        if self._inode and older.exists() and older.stat().st_ino == self._inode:
            self._read(older)
        self._inode = self._offset = 0

    def _read(self, path: Path) -> None:
        with path.open("rb") as log:
            log.seek(self._offset)
            content = log.read(LARGEST_READ)
        whole, newline, _ = content.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.splitlines():
            request = _request(line)
            if request is not None:
                at = max(request.at, self._at[-1]) if self._at else request.at
                self._at.append(at)
                self._requests.append(request)

    def _forget(self) -> None:
        if not self._at:
            return
        drop = max(bisect_right(self._at, self._at[-1] - KEPT_SECONDS), len(self._at) - MOST_REQUESTS)
        if drop > 0:
            del self._at[:drop], self._requests[:drop]


def _request(line: bytes) -> Request | None:
    """A line of the access log; the maintenance page's own answers are nobody's requests."""
    try:
        content = json.loads(line)
        if not content["upstream"]:
            return None
        seconds = content["milliseconds"] / 1000
        begun = datetime.fromisoformat(content["at"]).timestamp()
        labels = {"status": str(content["status"]), "method": content["method"]}
        labels["path"] = content["path"].split("?", 1)[0]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Request(begun + seconds, seconds, labels)


class Processes:
    """The memory of pm2's processes, by name, looked at again and again for an hour."""

    def __init__(self, pm2_home: Path) -> None:
        self._pids = pm2_home / "pids"
        self._looks: deque[tuple[float, dict[str, float]]] = deque(maxlen=2000)

    def look(self, now: float) -> None:
        """Note the resident bytes of each process that lives."""
        found = {}
        for file in sorted(self._pids.glob("*.pid")):
            name = _PID_FILE.fullmatch(file.name)
            try:
                resident = psutil.Process(int(file.read_text(encoding="ascii"))).memory_info().rss
            except (OSError, ValueError, psutil.Error):
                continue
            if name is not None:
                found[f"{name[1]}-{name[2]}"] = float(resident)
        self._looks.append((now, found))

    def memory(self, at: float, stale: float) -> dict[str, float]:
        """The bytes of each process as last seen by a moment; empty where that is `stale` seconds ago."""
        for seen, found in reversed(self._looks):
            if seen <= at:
                return found if at - seen <= stale else {}
        return {}
