"""Attempts as real processes: each behind its shim, known by its files alone."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import timedelta
from pathlib import Path

from handrail.attempts.exit_record import ExitRecord
from handrail.attempts.launch import ShimStarter, write_spec
from handrail.attempts.outcome import (
    Exited,
    InDoubt,
    NeverStarted,
    Outcome,
    Running,
    cancel,
    cancel_orphan,
    read_outcome,
    seal,
)
from handrail.attempts.report import read_report
from handrail.attempts.spec import AttemptSpec
from handrail.clock import Clock
from handrail.engine.promises import changed_files, frozen_tasks_file
from handrail.errors import HandrailError
from handrail.paths import AttemptFiles, StateFolder
from handrail.run.commands import Observation, ObserveDoubt, ObserveExit
from handrail.run.events import AttemptStarted
from handrail.run.state import RunState

_LOG = logging.getLogger(__name__)
CLAIM_PATIENCE = timedelta(seconds=15)
GRACE_SECONDS = 10.0
VALUE_BYTES = 32_768
ENVIRONMENT_BYTES = 262_144
"""One value and all together: Linux refuses to start a program with 128 KiB in one, or 2 MiB in all."""


class ProcessPerformer:
    """Runs each attempt as `python -m handrail.tasks` behind a shim of its own."""

    def __init__(self, folder: StateFolder, clock: Clock, shims: ShimStarter) -> None:
        self._folder = folder
        self._clock = clock
        self._shims = shims
        self._ending_orphans: set[int] = set()

    def start(self, state: RunState, event: AttemptStarted) -> Observation | None:
        """Write the attempt's spec and start its shim."""
        files = self._folder.attempt(state.run, event.attempt)
        try:
            write_spec(files, self._spec(state, event, files))
            self._shims.start(files)
        except HandrailError as error:
            _LOG.exception("attempt %d could not be started", event.attempt)
            return self._could_not_start(files, event.attempt, error)
        return None

    def cancel(self, state: RunState, attempt: int) -> None:
        """Have the shim end its task, or, where the shim is dead, end the task's group from here."""
        files = self._folder.attempt(state.run, attempt)
        outcome = cancel(files)
        if isinstance(outcome, Running) and outcome.orphaned:
            self._end_orphan(files, attempt)

    def look(self, state: RunState, attempt: int) -> Observation | None:
        """Read the attempt's files."""
        files = self._folder.attempt(state.run, attempt)
        outcome = read_outcome(files)
        waited = self._clock.now().since(state.attempts[attempt].announced)
        if isinstance(outcome, NeverStarted) and not outcome.sealed:
            if waited < CLAIM_PATIENCE:
                return None
            outcome = seal(files, self._clock)
        if isinstance(outcome, Running) and outcome.orphaned:
            limit = timedelta(seconds=state.attempts[attempt].timeout_seconds)
            if waited > limit or state.attempts[attempt].cancelling:
                self._end_orphan(files, attempt)
        return self._observation(files, attempt, outcome)

    def changed_files(self, state: RunState) -> tuple[tuple[str, str], ...]:
        """Compare the plan's files with what they were."""
        return changed_files(state)

    def adopt(self, state: RunState, attempt: int) -> Observation | None:
        """Seal what never began; anything else is what its files say."""
        files = self._folder.attempt(state.run, attempt)
        return self._observation(files, attempt, seal(files, self._clock))

    def _spec(self, state: RunState, event: AttemptStarted, files: AttemptFiles) -> AttemptSpec:
        plan = state.plan
        root = Path(plan.project_root)
        return AttemptSpec(
            run=state.run,
            attempt=event.attempt,
            step=event.step or "",
            purpose=event.purpose.value,
            argv=(sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(files.folder)),
            cwd=str(root if root.is_dir() else files.folder),
            environment=environment_of(state),
            timeout_seconds=event.timeout_seconds,
            grace_seconds=GRACE_SECONDS,
            task={
                "name": event.call.task,
                "arguments": event.call.arguments,
                "tasks_file": frozen_tasks_file(state, self._folder),
                "target": plan.target.model_dump(mode="json", by_alias=True),
            },
        )

    def _could_not_start(self, files: AttemptFiles, attempt: int, error: HandrailError) -> Observation:
        try:
            outcome = seal(files, self._clock)
        except HandrailError:
            # The disk that refused the spec refuses the seal: without a spec no shim can ever begin it.
            outcome = NeverStarted(str(error), sealed=True)
        if isinstance(outcome, NeverStarted):
            return ObserveExit(attempt=attempt, never_started=True, evidence=str(error))
        return self._observation(files, attempt, outcome) or ObserveDoubt(
            attempt=attempt, evidence=str(error)
        )

    def _end_orphan(self, files: AttemptFiles, attempt: int) -> None:
        if attempt not in self._ending_orphans:
            self._ending_orphans.add(attempt)
            threading.Thread(target=self._cancel_orphan, args=(files, attempt), daemon=True).start()

    def _cancel_orphan(self, files: AttemptFiles, attempt: int) -> None:
        try:
            cancel_orphan(files)
        except (HandrailError, OSError):
            _LOG.exception("attempt %d, whose shim is dead, could not be ended", attempt)
        finally:
            # It may still run: then it is asked again.
            self._ending_orphans.discard(attempt)

    def _observation(self, files: AttemptFiles, attempt: int, outcome: Outcome) -> Observation | None:
        match outcome:
            case Running():
                return None
            case NeverStarted(reason=reason, sealed=sealed):
                return ObserveExit(attempt=attempt, never_started=True, evidence=reason) if sealed else None
            case InDoubt(evidence=evidence):
                return ObserveDoubt(attempt=attempt, evidence=evidence)
            case Exited(record=record):
                report = read_report(files)
                for problem in report.problems:
                    _LOG.warning("attempt %d: report: %s", attempt, problem)
                left = (*record.left_behind, *record.still_in_group)
                return ObserveExit(
                    attempt=attempt,
                    exit_code=record.exit_code,
                    signal=record.signal,
                    cancelled=record.cancelled,
                    timed_out=record.timed_out,
                    started=record.started,
                    ended=record.ended,
                    facts=report.facts,
                    verdict=report.verdict,
                    evidence=record.start_error or report.evidence or report.failure or _lost_words(record),
                    left_behind=tuple(f"{each.name} (pid {each.pid})" for each in left),
                    log_bytes=record.log_bytes,
                )


def _lost_words(record: ExitRecord) -> str:
    """Why a failed task said nothing: what it wrote no longer fitted onto the disk."""
    if record.succeeded or not record.log_disk_full:
        return ""
    how = f"signal {record.signal}" if record.signal is not None else f"exit code {record.exit_code}"
    return f"the disk of its log was full, and what it said last is lost ({how}): free space, then retry"


def environment_of(state: RunState) -> dict[str, str]:
    """What an attempt finds in its environment: the run, its parameters and the facts so far, as text.

    What no program could be started with is left out: NUL, and more bytes than the system takes.
    """
    room = ENVIRONMENT_BYTES
    environment = {
        "HANDRAIL_RUN": state.run,
        "HANDRAIL_TARGET": state.plan.target.name,
        # Who drives the run, for checks that ask for someone else.
        "HANDRAIL_OPERATOR": state.operator.user,
    }
    for prefix, values in (("HANDRAIL_PARAM_", state.plan.parameters), ("HANDRAIL_FACT_", state.facts)):
        for name, value in values.items():
            key = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).upper()
            text = "" if value is None else str(value)
            text = text.encode(errors="replace").decode()
            size = len(prefix) + len(key) + len(text.encode())
            if "\0" not in text and size <= VALUE_BYTES and size <= room:
                environment[prefix + key] = text
                room -= size
    return environment
