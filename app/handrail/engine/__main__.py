"""`python -m handrail.engine RUN --state DIR`: the engine's own process."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path

from handrail.clock import SystemClock
from handrail.engine.engine import Engine
from handrail.engine.launch import ALREADY_DRIVEN, hold_engine_lock
from handrail.engine.processes import ProcessPerformer
from handrail.engine.trouble import Trouble
from handrail.errors import HandrailError, StorageFault
from handrail.journal.base import Fenced, Journal
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder

_LOG = logging.getLogger("handrail.engine")
BUSY_SECONDS = 0.02
QUIET_SECONDS = 0.1
MENDING_SECONDS = 1.0


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
        if not arguments.stay and os.fork():
            # The child has the lock, too: whoever started this knows now that the run has its engine.
            os._exit(0)
        journal = SqliteJournal(folder.journal)
        try:
            return own(journal, arguments.run, folder)
        except Fenced:
            _LOG.warning("another engine took over run %s", arguments.run)
            return 0
        except HandrailError:
            _LOG.exception("the engine of run %s stops", arguments.run)
            return 1
        finally:
            journal.close()


def own(journal: Journal, run: str, folder: StateFolder) -> int:
    """Take charge of the run, and turn until it is over."""
    clock = SystemClock()
    trouble = Trouble(folder.engine_trouble(run))
    engine = Engine(journal, run, clock, ProcessPerformer(folder, clock))
    in_charge = goes_on = False
    while goes_on or not in_charge:
        pause = QUIET_SECONDS
        try:
            if not in_charge:
                engine.take_charge()
                in_charge = True
                _LOG.info("drives run %s", run)
            goes_on = engine.turn()
            trouble.over()
            pause = BUSY_SECONDS if engine.state.running is not None else QUIET_SECONDS
        except StorageFault as fault:
            # What can't be journaled is not done: wait for the disk, and try the same again.
            if trouble.say(fault):
                _LOG.error("%s", fault)
            goes_on, pause = True, MENDING_SECONDS
        time.sleep(pause)
    _LOG.info("run %s is over: %s", run, engine.state.phase.value)
    return 0


if __name__ == "__main__":
    sys.exit(main())
