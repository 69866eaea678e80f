"""Whether the files that a plan was made from are still what they were."""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path

from handrail.errors import StorageFault
from handrail.paths import StateFolder
from handrail.run.state import RunState

SHOWN_LINES = 40
LARGEST_BYTES = 16 * 1024 * 1024


def changed_files(state: RunState) -> tuple[tuple[str, str], ...]:
    """Each file of the plan that is another one now, with a short unified difference.

    Files inside the target's checkout are expected to change with the release, so they are compared
    only until the run has acted; what runs then is the frozen copy.
    """
    acted = any(step.may_have_acted for step in state.forward_steps)
    checkout = state.plan.target.checkout
    changed = []
    for name, digest in sorted(state.plan.digests.items()):
        path = Path(name)
        if acted and path.is_relative_to(checkout):
            continue
        if _digest(content := _read(path)) != digest:
            changed.append((name, _difference(name, state.plan.sources.get(name), content)))
    return tuple(changed)


def frozen_tasks_file(state: RunState, folder: StateFolder) -> str | None:
    """The tasks file that the plan promised: the project's own while it is unchanged, else a copy of it.

    Raises `StorageFault` where the copy can't be written.
    """
    name = state.plan.tasks_file
    if name is None or name not in state.plan.sources:
        return name
    if _digest(_read(Path(name))) == state.plan.digests.get(name, ""):
        return name
    copy = folder.run(state.run) / "frozen" / Path(name).name
    try:
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy.write_text(state.plan.sources[name], encoding="utf-8")
    except OSError as error:
        raise StorageFault(
            f"The tasks file that the plan promised can't be copied to {copy}: {error.strerror}.",
            still_safe="the step was not started.",
            next_step="free space on its disk, or make the folder writable; then try again.",
        ) from error
    return str(copy)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES)
    except OSError:
        return None


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _difference(name: str, planned: str | None, content: bytes | None) -> str:
    if content is None:
        return "it is gone, or can't be read"
    if planned is None:
        return "its lines are not shown: they may hold secrets"
    now = content.decode(errors="replace")
    lines = list(
        difflib.unified_diff(planned.splitlines(), now.splitlines(), "as planned", "now", lineterm="", n=1)
    )
    more = [f"… and {len(lines) - SHOWN_LINES} more lines"] if len(lines) > SHOWN_LINES else []
    return "\n".join([*lines[:SHOWN_LINES], *more])
