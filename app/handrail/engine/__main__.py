"""`python -m handrail.engine RUN --state DIR`: the engine's own process."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from handrail.attempts.launch import ShimStarter
from handrail.clock import SystemClock
from handrail.engine.base import Sampler
from handrail.engine.engine import Engine
from handrail.engine.launch import ALREADY_DRIVEN, hold_engine_lock
from handrail.engine.processes import ProcessPerformer
from handrail.engine.sampling import ProcessSampler
from handrail.engine.trouble import Trouble
from handrail.errors import HandrailError, MachineFault, StorageFault
from handrail.journal.base import Fenced, JournalDamaged, LockLost, SequenceTaken, UnknownRun
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.run.events import UnreadableEvent

_LOG = logging.getLogger("handrail.engine")
BUSY_SECONDS = 0.02
ATTENTIVE_SECONDS = 20.0
"""So long after something ran, the next key is likely to come: it isn't left to a quiet engine's turn."""
QUIET_SECONDS = 0.1
MENDING_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
POSTMORTEM_SECONDS = 60.0


def main() -> int:
    """Own one run until it is over. Returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="handrail.engine")
    parser.add_argument("run")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--stay", action="store_true", help="stay in the foreground, for a service manager")
    arguments = parser.parse_args()
    os.umask(0o077)
    # Nothing that matters hangs from the terminal: its hang-up is not for the engine.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    folder = StateFolder(arguments.state)
    with hold_engine_lock(folder, arguments.run) as held:
        if not held:
            _LOG.info("another engine drives run %s", arguments.run)
            return ALREADY_DRIVEN
        ready = _Readiness() if arguments.stay else _detach()
        sampler, shims = ProcessSampler(folder, SystemClock()), ShimStarter()
        try:
            return own(arguments.run, folder, ready, sampler, shims)
        except Fenced:
            _LOG.warning("another engine took over run %s", arguments.run)
            return 0
        except HandrailError as error:
            _LOG.error("the engine of run %s stops: %s", arguments.run, error)
            return 1
        finally:
            sampler.stop()
            shims.close()


class _Readiness:
    """How whoever started the engine learns that it lives; once is enough."""

    def __init__(self, pipe: int | None = None) -> None:
        self._pipe = pipe

    def say(self) -> None:
        """The engine drives the run, or will as soon as the disk lets it."""
        if self._pipe is not None:
            # Whoever started it may have lost patience, and be gone.
            with suppress(BrokenPipeError):
                os.write(self._pipe, b"!")
            os.close(self._pipe)
            self._pipe = None


def _detach() -> _Readiness:
    """Go on in a child that is nobody's: its parent ends once the child drives the run, or fails with it."""
    ours, childs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        return _Readiness(childs)
    os.close(childs)
    if os.read(ours, 1):
        os._exit(0)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def own(run: str, folder: StateFolder, ready: _Readiness, sampler: Sampler | None, shims: ShimStarter) -> int:
    """Take charge of the run, and turn until it is over.

    A defect of handrail ends no countdown: the engine begins anew from the journal, each time a little
    later, and says so to the people on the run. Raises `Fenced` and `LockLost` where the run is another's.
    """
    clock = SystemClock()
    journal: SqliteJournal | None = None
    engine: Engine | None = None
    trouble = Trouble(folder.engine_trouble(run))
    falls, said = 0, ""
    goes_on, busy_until = True, 0.0
    while goes_on:
        try:
            if journal is None:
                journal = SqliteJournal(folder.journal)
            if engine is None:
                fresh = Engine(journal, run, clock, ProcessPerformer(folder, clock, shims), sampler=sampler)
                fresh.take_charge(after=said)
                engine, said = fresh, ""
                _LOG.info("drives run %s", run)
                ready.say()
            goes_on = engine.turn()
            falls = 0
            trouble.over()
            shims.prepare(idle=engine.state.running is None)
            if engine.state.running is not None:
                busy_until = time.monotonic() + ATTENTIVE_SECONDS
            pause = BUSY_SECONDS if time.monotonic() < busy_until else QUIET_SECONDS
        except StorageFault as fault:
            # What can't be journaled is not done: wait for the disk, and try the same again.
            if trouble.say(fault):
                _LOG.error("%s", fault)
            ready.say()
            pause = MENDING_SECONDS
        except SequenceTaken as taken:
            # Who else wrote is in the journal by now: begin anew from all that stands there.
            _LOG.warning("%s", taken)
            engine, pause = None, QUIET_SECONDS
        except (Fenced, JournalDamaged, LockLost, UnreadableEvent, UnknownRun):
            raise
        except Exception as defect:  # noqa: BLE001
            _LOG.exception("the engine of run %s begins anew", run)
            engine, said = None, " ".join(f"{type(defect).__name__}: {defect}".split())[:300]
            trouble.say(_defect(said, folder, run))
            pause = min(LONGEST_PAUSE_SECONDS, MENDING_SECONDS * 2 ** min(falls, 10))
            falls += 1
        time.sleep(pause)
    if journal is not None:
        journal.close()
    _LOG.info("run %s is over", run)
    if engine is not None and engine.state.plan.emergency is not None:
        open_postmortem(run, folder, Path(engine.state.plan.project_root))
    return 0


def open_postmortem(run: str, folder: StateFolder, project: Path) -> None:
    """Open an emergency's post-mortem by handrail's own command line; the run is over, whatever comes of it.

    That it is due follows from the journal: a file that can't be written now lets nobody off.
    """
    argv = [sys.executable, "-P", "-m", "handrail", "--state", str(folder.root), "postmortem", run]
    try:
        done = subprocess.run(
            argv,
            cwd=project if project.is_dir() else folder.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=POSTMORTEM_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.error("the post-mortem of run %s was not opened: %s", run, error)
        return
    _LOG.info("post-mortem of run %s: %s", run, (done.stdout + done.stderr).strip())


def _defect(said: str, folder: StateFolder, run: str) -> MachineFault:
    return MachineFault(
        f"The engine ran into a defect of handrail ({said}), and begins anew from the journal.",
        still_safe="what runs goes on.",
        next_step=f"if it goes on like this, read {folder.engine_log(run)}; roll back by hand if you must.",
    )


if __name__ == "__main__":
    sys.exit(main())
