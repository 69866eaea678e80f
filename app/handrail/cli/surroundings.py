"""Where handrail was called: its project, its state directory, its journal and its clock."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.clock import Clock, SystemClock
from handrail.errors import WrongUsage
from handrail.paths import StateFolder

if TYPE_CHECKING:
    from handrail.journal.base import Journal
    from handrail.project.model import Project


LOG_NAME = "handrail.log"
"""In the state directory: tracebacks of the command line and of the screens."""


class Surroundings:
    """What a call starts from; everything below is given these values and looks for none itself."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        named_project: Path | None = None,
        named_state: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.environment = environment
        self.named_project = named_project
        self.named_state = named_state
        self.clock: Clock = clock or SystemClock()

    @cached_property
    def project_file(self) -> Path | None:
        """The project file: named, or the nearest one upward. Raises `WrongUsage` for a missing one."""
        from handrail.project import loader  # noqa: PLC0415  (pydantic: `--help` needs none of it)

        if self.named_project is None:
            return loader.find(Path.cwd())
        named = self.named_project.expanduser().absolute()
        file = named / loader.FILE_NAME if named.is_dir() else named
        if not file.is_file():
            raise WrongUsage(
                f"There is no project file at {file}.",
                still_safe="nothing was started.",
                next_step=f"name the folder that holds {loader.FILE_NAME} with --project.",
            )
        return file

    def of_runbook(self, name: str) -> Surroundings:
        """These, with the project in which a runbook lies that is named by its path.

        Else the rules of its targets would hold only for who calls it from within the project's folder.
        Raises `WrongUsage` where it lies in one project and this folder in another: either could be meant.
        """
        from handrail.project import loader  # noqa: PLC0415
        from handrail.sources import is_there  # noqa: PLC0415

        path = Path(name).expanduser().absolute()
        if self.named_project is not None or not is_there(path):
            return self
        its_own = loader.find(path.parent) or loader.find(path.resolve().parent)
        if its_own is None or (self.project_file and its_own.samefile(self.project_file)):
            return self
        if self.project_file is not None:
            raise WrongUsage(
                f"The runbook {path} belongs to the project of {its_own.parent}, and this folder to that of "
                f"{self.project_file.parent}.",
                still_safe="nothing was started.",
                next_step=f"say whose targets are meant, with --project {shlex.quote(str(its_own.parent))}"
                " or the other folder.",
            )
        return Surroundings(
            self.environment, named_project=its_own, named_state=self.named_state, clock=self.clock
        )

    @cached_property
    def project(self) -> Project | None:
        """The project, or `None` where there is no project file. Raises `ProjectInvalid`."""
        from handrail.project import loader  # noqa: PLC0415

        return loader.load(self.project_file) if self.project_file else None

    @cached_property
    def state(self) -> StateFolder:
        """The state directory: named, else `$HANDRAIL_STATE`, else the project's, else the user's own."""
        if self.named_state is not None:
            return StateFolder(self.named_state.expanduser().absolute())
        if "HANDRAIL_STATE" in self.environment:
            return StateFolder.locate(self.environment)
        configured = self.project.state if self.project else None
        return StateFolder.locate(self.environment, configured)

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """The journal, made where it is missing. Raises `StorageFault`."""
        from handrail.journal.sqlite import SqliteJournal  # noqa: PLC0415

        journal = SqliteJournal(self.state.create().journal)
        try:
            yield journal
        finally:
            journal.close()

    @contextmanager
    def existing_journal(self) -> Iterator[Journal | None]:
        """The journal for acting on runs that exist; `None` where there is none yet."""
        if not self.state.journal.exists():
            yield None
            return
        with self.journal() as journal:
            yield journal

    @contextmanager
    def journal_to_read(self) -> Iterator[Journal | None]:
        """The journal for reading alone; `None` where there is none yet."""
        from handrail.journal.sqlite import SqliteJournal  # noqa: PLC0415

        if not self.state.journal.exists():
            yield None
            return
        journal = SqliteJournal(self.state.journal, read_only=True)
        try:
            yield journal
        finally:
            journal.close()

    @staticmethod
    def last_state(environment: Mapping[str, str], arguments: Sequence[str]) -> Path:
        """The state directory by the call's words alone, for the log of a failure that came before all else.

        Raises `OSError` where it can't be made.
        """
        named = next((Path(after) for word, after in pairwise(arguments) if word == "--state"), None)
        folder = named if named is not None else StateFolder.locate(environment).root
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
