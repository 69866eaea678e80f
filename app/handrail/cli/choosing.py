"""What the choosing screen chooses from: runbooks by the project's folders, runs by the journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handrail.cli.actors import current_actor
from handrail.cli.joining import join
from handrail.cli.opening import RunOpening, choose_target, project_or_bare
from handrail.cli.surroundings import Surroundings
from handrail.clock import Instant
from handrail.errors import HandrailError, WrongUsage
from handrail.journal.base import Journal
from handrail.journal.overview import Overview, RunsOverview
from handrail.project.model import Project, Target
from handrail.runbook.front import Front, read_front
from handrail.runbook.loader import runbook_names, shipped_runbooks
from handrail.tui.choosing import Attached, RunbookChoice
from handrail.tui.opening import Opening


class Chooser:
    """All that one can begin with here. A project file that is wrong is said, and hides no run."""

    def __init__(self, here: Surroundings, journal: Journal) -> None:
        self._here = here
        self._journal = journal
        self._runs = RunsOverview(journal)
        self.actor = current_actor(here.environment)
        self.problem = ""
        self._project: Project | None = None
        try:
            self._project = here.project
            if self._project is None:
                self.problem = "No project here (no handrail.toml upward from this folder)."
        except HandrailError as error:
            self.problem = f"{error.summary} `handrail doctor` says more."
        self.project = self._project.name or self._project.root.name if self._project else ""

    def now(self) -> Instant:
        """The present moment."""
        return self._here.clock.now()

    @property
    def overview(self) -> Overview:
        """The runs as they were last seen."""
        return self._runs.shown

    def poll(self) -> bool:
        """Look at the journal. Raises `StorageFault`."""
        return self._runs.poll()

    def runbooks(self) -> Sequence[RunbookChoice]:
        """The project's runbooks, then those that come with handrail and that it doesn't replace."""
        found: dict[str, RunbookChoice] = {}
        own = self._project.runbooks if self._project else ()
        for folder in (*own, shipped_runbooks()):
            for name in runbook_names([folder]):
                if name not in found:
                    found[name] = self._choice(folder / f"{name}.md", shipped=folder not in own)
        return tuple(found.values())

    def _choice(self, path: Path, *, shipped: bool) -> RunbookChoice:
        front = read_front(path)
        if front.problem:
            return RunbookChoice(path.stem, path, path.stem, shipped=shipped, problem=front.problem)
        target = self._target(front)
        return RunbookChoice(
            name=path.stem,
            path=path,
            title=front.title or path.stem,
            description=front.description,
            target=target,
            target_name=target.name if target else front.target,
            shipped=shipped,
        )

    def _target(self, front: Front) -> Target | None:
        try:
            return choose_target(project_or_bare(self._project), None, front.target or None)
        except WrongUsage:
            return None

    def prepare(self, choice: RunbookChoice) -> Opening:
        """Load the runbook with all that it includes. Raises `WrongUsage`."""
        return RunOpening(self._project, runbook=str(choice.path), target=None, given={})

    def start(self, opening: Opening) -> Opening:
        """Where it will be journaled, and by whom it will be driven."""
        assert isinstance(opening, RunOpening)  # noqa: S101  (from `prepare`)
        actor = current_actor(self._here.environment)
        return opening.use(self._here.state, self._journal, actor, self._here.clock)

    def attach(self, run: str, *, to_drive: bool) -> Attached:
        """Come to a run, as `handrail attach` and `handrail watch` do."""
        joined = join(self._here, self._journal, run, to_drive=to_drive)
        may_act = to_drive and joined.session.state.phase.is_open
        return Attached(joined.session, may_act, joined.said if may_act else ())
