"""Runs the sandbox's programs: each with a log file, a time limit, and word of how long it takes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from handrail.errors import MachineFault
from handrail.processes import ProcessIdentity

Progress = Callable[[str], None]
WORD_EVERY = 5.0
KEPT_LINES = 12
_PLAIN = ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
# What npm may need to reach its registry from behind a company's proxy.
_NETWORK = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME")


class Cancelled(Exception):
    """Another part failed, or the person pressed Ctrl-C: this one stops too."""


def bare_environment(path: str, source: Mapping[str, str]) -> dict[str, str]:
    """What a long-lived process may know of its starter: no secret, no marker of a step."""
    return {"PATH": path, **{name: source[name] for name in _PLAIN if name in source}}


def network_environment(path: str, source: Mapping[str, str]) -> dict[str, str]:
    """The bare environment, with what a download needs."""
    extra = {
        name: value
        for name, value in source.items()
        if name in _NETWORK or name.lower().endswith("_proxy") or name.lower().startswith("npm_config_")
    }
    return bare_environment(path, source) | extra


@dataclass(slots=True)
class Commands:
    """Runs programs to their end, and starts those that stay."""

    logs: Path
    progress: Progress
    cancelled: threading.Event = field(default_factory=threading.Event)
    _talking: threading.Lock = field(default_factory=threading.Lock)

    def say(self, line: str) -> None:
        """One line of progress; lines of parallel parts never mix."""
        with self._talking:
            self.progress(line)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what begins, and how long it took."""
        self.say(f"{what} …")
        begin = time.monotonic()
        yield
        self.say(f"{what}: done in {time.monotonic() - begin:.1f} s")

    def run(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        what: str = "",
        seconds: float = 60.0,
        next_step: str = "",
    ) -> str:
        """Run a program to its end and return what it wrote, both streams, which `NAME.log` keeps.

        Raises `MachineFault` with its last lines where it fails or takes longer than `seconds`.
        """
        log = self.logs / f"{name}.log"
        begin = time.monotonic()
        with log.open("ab") as output:
            before = output.tell()
            try:
                child = subprocess.Popen(
                    [str(part) for part in argv],
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise MachineFault(f"{argv[0]} can't be started: {error.strerror}.") from error
        try:
            code = self._wait(child, what or name, begin, seconds)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise
        with log.open("rb") as written:
            written.seek(before)
            text = written.read().decode("utf-8", "replace")
        if code == 0:
            return text
        tail = "\n".join(text.strip().splitlines()[-KEPT_LINES:])
        if "ENOSPC" in text or "No space left on device" in text:
            raise disk_full(self.logs)
        reason = f"didn't end within {seconds:.0f} s" if code is None else f"failed with exit code {code}"
        raise MachineFault(
            f"The sandbox's step “{what or name}” {reason}.",
            evidence=tail,
            still_safe="only the sandbox's own folder was touched; what runs is noted and can be ended.",
            next_step=next_step or f"read {log}, mend the cause, then bring the sandbox up again.",
        )

    def _wait(self, child: subprocess.Popen[bytes], what: str, begin: float, seconds: float) -> int | None:
        word = begin + WORD_EVERY
        while True:
            with suppress(subprocess.TimeoutExpired):
                return child.wait(timeout=0.25)
            now = time.monotonic()
            if self.cancelled.is_set():
                raise Cancelled
            if now - begin > seconds:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                return None
            if now >= word:
                word = now + WORD_EVERY
                self.say(f"{what} … {now - begin:.0f} s")

    def start(
        self, name: str, argv: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str]
    ) -> ProcessIdentity:
        """Start a process that stays, in a session of its own, with its output in `NAME.log`."""
        log = self.logs / f"{name}.log"
        if log.exists() and log.stat().st_size > 1_000_000:
            log.unlink()
        with log.open("ab") as output:
            child = subprocess.Popen(
                [str(part) for part in argv],
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        identity = ProcessIdentity.of(child.pid)
        # It outlives this call on purpose, and is known by its identity from here on: without a code,
        # the object would warn of a process that nobody waited for.
        child.returncode = 0
        if identity is None:
            raise MachineFault(f"The sandbox's {name} ended at once.", evidence=self.tail(name))
        return identity

    def tail(self, name: str) -> str:
        """The last lines of a log, as evidence."""
        log = self.logs / f"{name}.log"
        if not log.exists():
            return ""
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-KEPT_LINES:])

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> bool:
        """Look several times a second until `ready`; False when `seconds` have passed."""
        begin = time.monotonic()
        word = begin + WORD_EVERY
        while not ready():
            now = time.monotonic()
            if self.cancelled.is_set():
                raise Cancelled
            if now - begin > seconds:
                return False
            if now >= word:
                word = now + WORD_EVERY
                self.say(f"{what} … {now - begin:.0f} s")
            time.sleep(0.05)
        return True


def disk_full(folder: Path) -> MachineFault:
    """The fault of a disk that holds too little room for the sandbox."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 1_000_000
    return MachineFault(
        f"The disk that holds {folder} is full: {free} MB are free, the sandbox needs about 300 MB.",
        still_safe="what was made so far is kept, and the next call goes on from there.",
        next_step="free some room, or put the sandbox into another folder, then bring it up again.",
    )


def reap(identities: Sequence[ProcessIdentity]) -> None:
    """Let go of those that were this process's children and have ended.

    A zombie keeps its pid, and PostgreSQL takes the pid in a killed server's lock file for a living one.
    """
    for identity in identities:
        if not identity.is_alive():
            with suppress(ChildProcessError):
                os.waitpid(identity.pid, os.WNOHANG)


def end_processes(identities: Sequence[ProcessIdentity], first: signal.Signals, grace: float) -> None:
    """End these very processes: `first`, then KILL for those still there after `grace` seconds."""
    for identity in identities:
        identity.signal(first)
    deadline = time.monotonic() + grace
    while any(identity.is_alive() for identity in identities) and time.monotonic() < deadline:
        time.sleep(0.05)
    for identity in identities:
        identity.signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(identity.is_alive() for identity in identities) and time.monotonic() < deadline:
        time.sleep(0.05)


def descendants(identity: ProcessIdentity) -> list[ProcessIdentity]:
    """The identities of every process below this one."""
    try:
        if not identity.is_alive():
            return []
        found = [
            ProcessIdentity.of(child.pid) for child in psutil.Process(identity.pid).children(recursive=True)
        ]
    except psutil.Error:
        return []
    return [each for each in found if each is not None]
