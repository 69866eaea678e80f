"""Where handrail keeps what it must not lose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.errors import MachineFault, StorageFault

STATE_VARIABLE = "HANDRAIL_STATE"


@dataclass(frozen=True, slots=True)
class AttemptFiles:
    """The files of one attempt; the shim owns all of them."""

    folder: Path

    @property
    def spec(self) -> Path:
        """What to run, written by the launcher before the shim starts."""
        return self.folder / "spec.json"

    @property
    def lock(self) -> Path:
        """Held by the shim for as long as it lives."""
        return self.folder / "lock"

    @property
    def claim(self) -> Path:
        """Created exclusively before the task starts: this attempt was begun, once."""
        return self.folder / "claim"

    @property
    def task(self) -> Path:
        """The identity of the task's process, written before the task's first instruction."""
        return self.folder / "task"

    @property
    def log(self) -> Path:
        """The task's standard output and error, as the task wrote them."""
        return self.folder / "log"

    @property
    def times(self) -> Path:
        """Offsets in the log with the times at which they were reached."""
        return self.folder / "log.times"

    @property
    def report(self) -> Path:
        """What the task said in words a machine can read: facts, and a check's verdict."""
        return self.folder / "report.jsonl"

    @property
    def exit(self) -> Path:
        """The exit record, written into space that was allocated before the task started."""
        return self.folder / "exit"

    @property
    def shim_log(self) -> Path:
        """What the shim says of itself: why it could not begin, or a traceback."""
        return self.folder / "shim.log"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The state directory: the journal, and a folder for each run. For its owner alone (0700)."""

    root: Path

    @classmethod
    def locate(cls, environment: Mapping[str, str], configured: Path | None = None) -> StateFolder:
        """`$HANDRAIL_STATE`, else what the project names, else the XDG state directory."""
        if named := environment.get(STATE_VARIABLE):
            return cls(Path(named).absolute())
        if configured is not None:
            return cls(configured)
        home = environment.get("HOME") or "~"
        base = environment.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state")  # noqa: PTH118
        return cls(Path(base).expanduser() / "handrail")

    def create(self) -> StateFolder:
        """Make the directory where it is missing, and be sure that it can be written.

        Raises `StorageFault` where it can't be made or written.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.root / "runs").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StorageFault(
                f"The state directory {self.root} can't be made: {error.strerror}.",
                still_safe="nothing was started.",
                next_step=f"make it writable, or name another one with {STATE_VARIABLE}.",
            ) from error
        return self

    @property
    def journal(self) -> Path:
        """The journal's database."""
        return self.root / "journal.db"

    def run(self, run_id: str) -> Path:
        """The folder of one run. Raises `MachineFault` for an id that is not one."""
        if not run_id or not all(c.isalnum() or c in "-_" for c in run_id):
            raise MachineFault(f"{run_id!r} is not the id of a run.")
        return self.root / "runs" / run_id

    def engine_lock(self, run_id: str) -> Path:
        """Held by the one engine that drives the run."""
        return self.run(run_id) / "engine.lock"

    def engine_log(self, run_id: str) -> Path:
        """What the engine says of itself: tracebacks go here, never onto the screen."""
        return self.run(run_id) / "engine.log"

    def engine_trouble(self, run_id: str) -> Path:
        """Why the engine can't go on just now, for the screens; written into space allocated before."""
        return self.run(run_id) / "engine.trouble"

    def attempt(self, run_id: str, number: int) -> AttemptFiles:
        """The files of the run's attempt `number`, counted from 1 over the whole run."""
        return AttemptFiles(self.run(run_id) / "attempts" / f"{number:04d}")
