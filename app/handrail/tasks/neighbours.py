"""What a task may know of the world around its own target: the project's other targets, and the journal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.errors import WrongUsage
from handrail.paths import StateFolder
from handrail.tasks import report
from handrail.tasks.workplace import Site, Workplace

if TYPE_CHECKING:
    from handrail.project.model import Project

# root/runs/RUN/attempts/0001 (paths.StateFolder)
_STATE_ABOVE_ATTEMPT = 3


def attempt_folder() -> Path | None:
    """The folder of the attempt that this task is; `None` for one that is run with plain `inv`."""
    path = os.environ.get(report.VARIABLE)
    folder = Path(path).parent if path else None
    return folder if folder is not None and (folder / "spec.json").is_file() else None


def state_folder() -> StateFolder:
    """The state directory of the run that this attempt belongs to, else the caller's own."""
    folder = attempt_folder()
    if folder is not None and folder.parent.name == "attempts":
        return StateFolder(folder.parents[_STATE_ABOVE_ATTEMPT])
    return StateFolder.locate(os.environ)


def project() -> Project:
    """The project that the run belongs to. Raises `WrongUsage` where none is found."""
    from handrail.project import loader  # noqa: PLC0415  (slow to import, needed by few tasks)

    folder = attempt_folder()
    start = Path.cwd()
    if folder is not None:
        start = Path(json.loads((folder / "spec.json").read_text(encoding="utf-8")).get("cwd") or start)
    file = loader.find(start)
    if file is None:
        raise WrongUsage(
            f"There is no {loader.FILE_NAME} in {start} or in a folder above, so other targets aren't known.",
            next_step="start this from the project's folder.",
        )
    return loader.load(file)


def beside(place: Workplace, name: str) -> Workplace:
    """The workplace of another target of the project. Raises `WrongUsage` where it has none of that name."""
    target = project().target(name)
    return Workplace(Site(target.model_dump(mode="json", by_alias=True)), place.performer, place.earlier)
