"""The look at a plan's gates before its run is opened: which checks, by which process, and what came back."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from handrail.clock import Clock
from handrail.engine.processes import environment_of
from handrail.paths import StateFolder
from handrail.policy.gate import canonical_name
from handrail.run.actors import Actor
from handrail.run.plan import Plan, PlannedCall, PlannedStep, UndoKind
from handrail.run.state import RunState
from handrail.tasks.collection import TaskSignature
from handrail.tui.looking import GateLook, Look

PREFIX = "look-"
STALE_SECONDS = 24 * 3600
LONGEST_LOOK_SECONDS = 120.0


def why_left(call: PlannedCall, plan: Plan, tasks: dict[str, TaskSignature]) -> str:
    """Why a check isn't looked at before the run; empty where it is."""
    written = json.dumps(call.arguments, default=str)
    if "${facts." in written:
        names = sorted({part.split("}")[0] for part in written.split("${facts.")[1:]})
        return f"it needs {', '.join(names)}, which an earlier step finds out"
    if canonical_name(call.task) == "tests.passed" and plan.target.tests.by != "ci":
        return "it runs the test suite, which is more than a look"
    signature = tasks.get(canonical_name(call.task))
    if signature is None or not signature.shipped:
        return "it is the project's own: its code runs only in a run"
    return ""


class GateLooks:
    """One look at a time. What was seen of a check stays, whatever else in the plan changes."""

    def __init__(
        self,
        state: StateFolder,
        actor: Actor,
        clock: Clock,
        tasks: dict[str, TaskSignature],
    ) -> None:
        self._state = state
        self._actor = actor
        self._clock = clock
        self._tasks = tasks
        self._plan: Plan | None = None
        self._seen: dict[str, GateLook] = {}
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._round = 0
        self._findings: tuple[GateLook, ...] = ()

    @property
    def findings(self) -> Sequence[GateLook]:
        """Each check of each gate of the plan, in its order."""
        return self._findings

    def begin(self, plan: Plan, *, again: bool) -> None:
        """Look at the plan's gates: at what was not seen yet, or, with `again`, at all anew."""
        wanted = {_id(call): (step, call) for step, _, call in _gates(plan) if not self._why(call, plan)}
        under_way = {name for name, look in self._seen.items() if look.look is not Look.SEEN}
        if not again and self._process is not None and under_way >= (set(wanted) - self._seen_ids()):
            self._plan = plan
            self._arrange()
            return
        self.stop()
        self._plan = plan
        if again:
            self._seen.clear()
        for name in [name for name, look in self._seen.items() if look.look is not Look.SEEN]:
            del self._seen[name]
        requests = [
            self._request(name, plan, step, call)
            for name, (step, call) in wanted.items()
            if name not in self._seen
        ]
        if requests:
            self._start(requests)
        self._arrange()

    def _seen_ids(self) -> set[str]:
        return {name for name, look in self._seen.items() if look.look is Look.SEEN}

    def _why(self, call: PlannedCall, plan: Plan) -> str:
        return why_left(call, plan, self._tasks)

    def _request(self, name: str, plan: Plan, step: PlannedStep, call: PlannedCall) -> dict[str, Any]:
        limit = next(gate.timeout for gate in step.gate if gate.call == call).total_seconds()
        unopened = RunState("", plan, self._actor, self._clock.now())
        self._seen[name] = GateLook(step.key, step.title, call.task, later=False)
        return {
            "id": name,
            "timeout": min(limit, LONGEST_LOOK_SECONDS),
            "cwd": plan.project_root,
            "environment": environment_of(unopened),
            "task": {
                "name": call.task,
                "arguments": call.arguments,
                "tasks_file": plan.tasks_file,
                "target": plan.target.model_dump(mode="json", by_alias=True),
            },
        }

    def _start(self, requests: list[dict[str, Any]]) -> None:
        runs = self._state.root / "runs"
        _sweep(runs)
        # As deep as an attempt of a run: that is how a task finds the state directory.
        folder = runs / f"{PREFIX}{uuid.uuid4().hex[:12]}"
        self._round += 1
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "handrail.attempts.looking", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                # A hang-up of this terminal must not end it before it has tidied up.
                start_new_session=True,
                cwd=self._state.root,
            )
        except OSError as error:
            self._all_unknown(f"no process could be started for it: {error.strerror}")
            return
        self._process = process
        assert process.stdin is not None  # noqa: S101
        with suppress(OSError):
            process.stdin.write(json.dumps(requests) + "\n")
            process.stdin.flush()
        threading.Thread(target=self._read, args=(process, self._round), daemon=True).start()

    def _read(self, process: subprocess.Popen[str], number: int) -> None:
        assert process.stdout is not None  # noqa: S101
        with process.stdout, suppress(OSError, ValueError):
            for text in process.stdout:
                self._answers.put((number, text))
        self._answers.put((number, ""))
        # Here, where nobody waits: what it takes down may need its grace.
        process.wait()

    def poll(self) -> bool:
        """Take in what was seen since; whether that is anything."""
        changed = False
        while not self._answers.empty():
            number, text = self._answers.get()
            if number != self._round:
                continue
            changed = True
            if text:
                self._take(text)
            else:
                self.stop()
                self._all_unknown("the look ended before it was seen")
        if changed:
            self._arrange()
        return changed

    def _take(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        look = self._seen.get(str(said.get("id")))
        if look is None:
            return
        found = Look.LOOKING if said.get("began") else Look.SEEN
        self._seen[str(said["id"])] = GateLook(
            look.step,
            look.title,
            look.check,
            look.later,
            found,
            verdict=str(said.get("verdict", "")),
            evidence=str(said.get("evidence", "")),
            seen=self._clock.now() if found is Look.SEEN else None,
        )

    def _all_unknown(self, why: str) -> None:
        for name, look in self._seen.items():
            if look.look is not Look.SEEN:
                self._seen[name] = GateLook(
                    look.step,
                    look.title,
                    look.check,
                    look.later,
                    Look.SEEN,
                    verdict="unknown",
                    evidence=why,
                    seen=self._clock.now(),
                )

    def _arrange(self) -> None:
        if self._plan is None:
            return
        found = []
        for step, name, call in _gates(self._plan):
            later = _comes_later(self._plan, step)
            if why := self._why(call, self._plan):
                found.append(GateLook(step.key, step.title, name, later, Look.LEFT, why=why))
                continue
            seen = self._seen.get(_id(call))
            found.append(
                GateLook(
                    step.key,
                    step.title,
                    name,
                    later,
                    seen.look if seen else Look.WAITING,
                    seen.verdict if seen else "",
                    seen.evidence if seen else "",
                    seen.seen if seen else None,
                )
            )
        self._findings = tuple(found)

    def stop(self) -> None:
        """End the look, and all that it started: it ends with this pipe, and tidies up after itself."""
        process, self._process = self._process, None
        if process is None:
            return
        self._round += 1
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()


def _gates(plan: Plan) -> list[tuple[PlannedStep, str, PlannedCall]]:
    return [(step, gate.check, gate.call) for step in plan.steps for gate in step.gate]


def _comes_later(plan: Plan, step: PlannedStep) -> bool:
    """Whether something is changed before the step; what needs no way back is no such change."""
    keys = [each.key for each in plan.steps]
    before = plan.steps[: keys.index(step.key)]
    return any(
        not each.only_looks and (each.undo is None or each.undo.kind is not UndoKind.NOTHING)
        for each in before
    )


def _id(call: PlannedCall) -> str:
    return f"{call.task} {json.dumps(call.arguments, sort_keys=True, default=str)}"


def _sweep(runs: Path) -> None:
    """Remove what a look left behind whose machine went down under it."""
    with suppress(OSError):
        for folder in runs.glob(f"{PREFIX}*"):
            if time.time() - folder.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
