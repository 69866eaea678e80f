"""What a model alone can't know of a block: templates, tasks, and fields that exclude each other.

The checks read the plain tree, not the model made of it, so that they run, and report, even where
the model refuses the block for another reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from handrail.problems import Location, Problem, describe, dotted, one_of, quote
from handrail.runbook import template
from handrail.runbook.model import ACTIONS, NOT_BESIDE_RUNBOOK
from handrail.runbook.yaml import Tree
from handrail.values import parse_duration

TASK_FIELDS: tuple[Location, ...] = (
    ("task",),
    ("check",),
    ("watch", "task"),
    ("undo", "task"),
    ("probe",),
    ("probe", "task"),
)


class BlockChecks:
    """The checks of one step block, against the runbook's parameters and the known tasks."""

    def __init__(
        self, tree: Tree, file: Path, parameters: Collection[str], known_tasks: Collection[str] | None
    ) -> None:
        self._tree = tree
        self._file = file
        self._parameters = parameters
        self._known_tasks = None if known_tasks is None else {_task(name): name for name in known_tasks}

    def problems(self) -> Iterator[Problem]:
        """Every problem that these checks find."""
        yield from self._actions()
        yield from self._templates()
        yield from self._tasks()
        yield from self._watch()

    def _problem(self, location: Location, found: str, expected: str, line: int | None = None) -> Problem:
        return Problem(
            self._file,
            self._tree.line(location) if line is None else line,
            dotted(location),
            found,
            expected,
        )

    def _actions(self) -> Iterator[Problem]:
        data = self._tree.data
        named = [name for name in data if name in ACTIONS and data[name] is not None]
        for extra in named[1:]:
            yield self._problem((extra,), f"a second action beside {named[0]}", "one action in a step")
        if data.get("by") == "someone-else" and "attest" not in named:
            yield self._problem(
                ("by",), "'someone-else' without attest", "it in a step that a person attests"
            )
        if "check" in named and data.get("undo") is not None:
            yield self._problem(("undo",), "a way back on a check", "none: a check changes nothing")
        if "attest" in named and data.get("gate"):
            expected = "the check in a step of its own, before: a gate here would never be asked"
            yield self._problem(("gate",), "a gate before an attestation", expected)
        if "runbook" in named:
            for name in NOT_BESIDE_RUNBOOK:
                if data.get(name):
                    expected = "it in the steps of that runbook: here it would have no effect"
                    yield self._problem((name,), f"{name} beside runbook", expected)
        undo = data.get("undo")
        if isinstance(undo, dict) and undo.get("runbook") is not None:
            for name in ("estimate", "timeout"):
                if undo.get(name) is not None:
                    expected = "it in the steps of that runbook, which say how long they take"
                    yield self._problem(("undo", name), f"{name} beside an undo's runbook", expected)
        if isinstance(undo, dict) and undo.get("otherwise") is not None and undo.get("task") is None:
            expected = "it beside the task of an undo: the other way is for a task that failed"
            yield self._problem(("undo", "otherwise"), "another way without an undo's task", expected)

    def _templates(self) -> Iterator[Problem]:
        for text in self._tree.texts:
            for piece in template.parse(text.value):
                if isinstance(piece, str):
                    continue
                line = text.line + (text.value.count("\n", 0, piece.start) if text.exact else 0)
                if isinstance(piece, template.Malformed):
                    yield self._problem(text.location, piece.found, piece.expected, line)
                elif piece.namespace == "param" and (
                    len(piece.path) > 1 or piece.path[0] not in self._parameters
                ):
                    found = f"the unknown parameter {quote('.'.join(piece.path))}"
                    yield self._problem(text.location, found, one_of(piece.path[0], self._parameters), line)

    def _tasks(self) -> Iterator[Problem]:
        if self._known_tasks is None:
            return
        named = [(location, value_at(self._tree.data, location)) for location in TASK_FIELDS]
        gate = self._tree.data.get("gate")
        for index, entry in enumerate(gate if isinstance(gate, list) else ()):
            location: Location = ("gate", index)
            if isinstance(entry, dict):
                location, entry = (*location, "check"), entry.get("check")  # noqa: PLW2901
            named.append((location, entry))
        for location, name in named:
            if isinstance(name, str) and _task(name) not in self._known_tasks:
                expected = one_of(name, self._known_tasks.values())
                yield self._problem(location, f"the unknown task {quote(name)}", expected)

    def _watch(self) -> Iterator[Problem]:
        for location in (("watch", "for"), ("baseline", "for")):
            duration = value_at(self._tree.data, location)
            if isinstance(duration, str) and "${" not in duration:
                try:
                    parse_duration(duration)
                except ValueError as error:
                    yield self._problem(location, describe(duration), str(error))
        watch = self._tree.data.get("watch")
        if isinstance(watch, dict) and watch.get("every") is not None and watch.get("task") is None:
            expected = "a task beside it: the pace of the target's own probes stands in handrail.toml"
            yield self._problem(("watch", "every"), "a pace without a task", expected)


def value_at(data: Any, location: Location) -> Any:
    """What stands at a location, or `None`."""
    for part in location:
        if not isinstance(data, dict):
            return None
        data = data.get(part)
    return data


def _task(name: str) -> str:
    # invoke takes both signs for the same task.
    return name.replace("_", "-")
