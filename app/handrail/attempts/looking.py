"""A look at checks before any run: the same tasks as a gate's, in a process beside, with nothing journaled.

`python -m handrail.attempts.looking FOLDER` reads one line of requests from standard input, has each task
executed in a folder of its own below FOLDER, and writes a line for each beginning and end. It ends with its
standard input, takes down what still runs then, and removes FOLDER: a screen that is gone leaves nothing.
Standard library only, but for what reads a report.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from handrail.attempts.report import read_report
from handrail.attempts.spec import AttemptSpec
from handrail.errors import HandrailError
from handrail.paths import AttemptFiles

AT_ONCE = 2
GRACE_SECONDS = 3.0


class Looker:
    """The requests of one look, at most two at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def look(self, number: int, request: dict[str, Any]) -> None:
        """Execute one check, and say what it said."""
        name = str(request["id"])
        files = AttemptFiles(self._folder / "attempts" / f"{number:04d}")
        self._say({"id": name, "began": True})
        try:
            ended = self._execute(files, number, request)
            report = read_report(files)
        except (OSError, HandrailError) as error:
            why = error.strerror if isinstance(error, OSError) else error.summary
            self._say({"id": name, "verdict": "unknown", "evidence": f"it could not be begun: {why}"})
            return
        if ended is None:
            limit = f"no answer within {request['timeout']:.0f} s"
            self._say({"id": name, "verdict": "unknown", "evidence": limit})
            return
        verdict = report.verdict or ("unknown" if ended == 0 else "fail")
        if verdict == "pass" and ended != 0:
            verdict = "fail"
        said = report.evidence or report.failure or f"it ended with exit code {ended}, and said nothing"
        self._say({"id": name, "verdict": verdict, "evidence": said})

    def _execute(self, files: AttemptFiles, number: int, request: dict[str, Any]) -> int | None:
        """The exit code; `None` where it took too long."""
        argv = (sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(files.folder))
        cwd = request["cwd"] if os.path.isdir(request["cwd"]) else str(files.folder)  # noqa: PTH112
        spec = AttemptSpec(
            run=self._folder.name,
            attempt=number,
            step="",
            purpose="look",
            argv=argv,
            cwd=cwd,
            task=request["task"],
        )
        files.folder.mkdir(mode=0o700, parents=True)
        files.spec.write_bytes(spec.as_json())
        environment = {
            **os.environ,
            **request["environment"],
            "PYTHONUNBUFFERED": "1",
            "HANDRAIL_ATTEMPT": str(files.folder),
            "HANDRAIL_REPORT": str(files.report),
        }
        with files.log.open("wb") as log, self._lock:
            if self._stopped:
                return None
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd,
                env=environment,
                start_new_session=True,
            )
            self._running.add(process)
        try:
            return process.wait(request["timeout"])
        except subprocess.TimeoutExpired:
            self._end(process)
            return None
        finally:
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """Take down what runs, with all that it started in its group."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            self._end(process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
                return

    def _say(self, words: dict[str, Any]) -> None:
        text = json.dumps(words)
        with self._lock, suppress(OSError, ValueError):
            print(text, flush=True)


def main(folder: Path) -> None:
    """Look until all is seen or nobody waits any more, and leave nothing behind."""
    looker = Looker(folder)
    try:
        requests = json.loads(_first_line())
        threading.Thread(target=_until_nobody_waits, args=(looker,), daemon=True).start()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for number, request in enumerate(requests, 1):
                pool.submit(looker.look, number, request)
    finally:
        looker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 65536)
        if not more:
            break
        line += more
    return line


def _until_nobody_waits(looker: Looker) -> None:
    # Only its end is waited for: whoever asked says nothing more.
    while os.read(0, 65536):
        pass
    looker.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    main(Path(sys.argv[1]))
