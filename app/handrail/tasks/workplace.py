"""Where a task works: its target, the performer, and the environment of the programs it starts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handrail.errors import HandrailError, WrongUsage
from handrail.tasks.commands import Command, Outcome
from handrail.tasks.performers.base import Performer

if TYPE_CHECKING:
    from invoke.context import Context

    from handrail.policy.judgement import Judgement
    from handrail.project.model import Target

SECTION = "handrail"
EVIDENCE_LINES = 20


class CommandFailed(HandrailError):
    """A command ended with a code other than 0."""

    def __init__(self, command: Command, outcome: Outcome, **more: str) -> None:
        how = (
            f"was ended by signal {-outcome.code}"
            if outcome.code < 0
            else f"ended with exit code {outcome.code}"
        )
        more.setdefault("evidence", "\n".join(outcome.errors.strip().splitlines()[-EVIDENCE_LINES:]))
        more.setdefault("next_step", "read its output above, mend the cause, then retry the step.")
        first, _, rest = command.line()[2:].partition("\n")
        super().__init__(f"`{first}{' …' if rest else ''}` {how} (in {command.cwd}).", **more)
        self.command = command
        self.outcome = outcome


@dataclass(frozen=True)
class Site:
    """The target as its model dumps it. The full model is made only where a task needs it.

    Making the pydantic model takes longer than starting everything else together.
    """

    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The target's name."""
        return str(self.raw.get("name", ""))

    @property
    def checkout(self) -> Path:
        """The working copy that production runs from."""
        return Path(self.raw.get("checkout") or ".")

    @property
    def remote(self) -> str:
        """The git remote that releases come from."""
        return str(self.raw.get("remote", "origin"))

    @property
    def branch(self) -> str:
        """The branch that is deployed where no release is named."""
        return str(self.raw.get("branch", "main"))

    @cached_property
    def target(self) -> Target:
        """The full model."""
        from handrail.project.model import Target  # noqa: PLC0415  (slow to import, needed by some tasks)

        return Target.model_validate(dict(self.raw))

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """What every child gets: the caller's environment, the target's, its folders before PATH."""
        environment = {**inherited, **self.raw.get("environment", {})}
        folders = [str(folder) for folder in self.raw.get("path", ())]
        if folders:
            known = [environment["PATH"]] if environment.get("PATH") else []
            environment["PATH"] = os.pathsep.join([*folders, *known])
        return environment


@dataclass
class Workplace:
    """What a task works with: `site` is its target, `performer` carries out what it asks for."""

    site: Site
    performer: Performer
    earlier: Mapping[str, object] = field(default_factory=dict)
    folder: Path | None = None
    """The folder of the run's attempt; None for a task that is run alone."""

    @property
    def target(self) -> Target:
        """The full model of the target."""
        return self.site.target

    def run(self, command: Command) -> None:
        """Execute a command, its output going to the log. Raises `CommandFailed`."""
        outcome = self.performer.run(command)
        if outcome.code:
            raise CommandFailed(command, outcome)

    def read(self, command: Command, *, quiet: bool = False) -> str:
        """The output of a command, without its last line break. Raises `CommandFailed`."""
        outcome = self.performer.read(command, quiet=quiet)
        if outcome.code:
            raise CommandFailed(command, outcome)
        return outcome.output.rstrip("\n")

    def attempt(self, command: Command, *, quiet: bool = False) -> Outcome:
        """Execute a reading command that may fail, and say how it ended."""
        return self.performer.read(command, quiet=quiet)

    def say(self, line: str) -> None:
        """Print one line to the log."""
        self.performer.say(line)

    def fact(self, name: str, value: object) -> None:
        """Report a fact for later steps."""
        self.performer.fact(name, value)

    def first_fact(self, name: str, value: object) -> None:
        """Report a fact that must stay as this run first saw it.

        A step that is retried finds the new release checked out: "previous" would then be the new one.
        """
        self.performer.fact(name, self.earlier.get(name, value))

    def conclude(self, passed: bool, evidence: str, *, next_step: str = "") -> None:
        """Report pass, or report fail and raise it."""
        self.performer.verdict("pass" if passed else "fail", evidence)
        if not passed:
            raise HandrailError(evidence, next_step=next_step)

    def judge(self, judgement: Judgement, *, next_step: str = "") -> None:
        """Report a rule's judgement, and raise it where it isn't a pass."""
        self.performer.verdict(judgement.verdict.value, judgement.evidence)
        if judgement.verdict.value != "pass":
            raise HandrailError(judgement.evidence, next_step=next_step)

    def unknown(self, evidence: str, *, next_step: str = "") -> HandrailError:
        """Report that it can't be known, which never passes; the caller raises what this returns."""
        self.performer.verdict("unknown", evidence)
        return HandrailError(evidence, next_step=next_step)


def workplace(context: Context) -> Workplace:
    """The workplace of the attempt or preview, else one for the project found upward from here."""
    section = context.config.get(SECTION)
    if section is not None:
        found = section["workplace"]
        assert isinstance(found, Workplace)  # noqa: S101  (only this module's callers set it)
        return found
    from handrail.tasks.performers.real import RealPerformer  # noqa: PLC0415  (its runner imports invoke)

    site = alone()
    made = Workplace(site, RealPerformer(context, site.environment(os.environ)))
    context.config.update({SECTION: {"workplace": made}})
    return made


def alone() -> Site:
    """The target for a task that is run with plain `inv`: `HANDRAIL_TARGET`, else the default one.

    Raises `WrongUsage` where there is no handrail.toml, or no such target in it.
    """
    from handrail.project import loader  # noqa: PLC0415  (only for tasks that run outside an attempt)

    file = loader.find(Path.cwd())
    if file is None:
        raise WrongUsage(
            f"There is no {loader.FILE_NAME} here or in a folder above.",
            next_step=f"go to the project's folder, or write a {loader.FILE_NAME} there.",
        )
    project = loader.load(file)
    name = os.environ.get("HANDRAIL_TARGET") or project.default_target
    if name is None and len(project.targets) == 1:
        name = next(iter(project.targets))
    if name is None or name not in project.targets:
        known = ", ".join(sorted(project.targets)) or "none"
        raise WrongUsage(
            f"There is no target {name!r}." if name else "No target is chosen.",
            evidence=f"targets in handrail.toml: {known}",
            next_step="name one with HANDRAIL_TARGET, or set default_target in handrail.toml.",
        )
    return Site(project.targets[name].model_dump(mode="json", by_alias=True))


def facts_of_earlier_attempts(folder: Path) -> dict[str, object]:
    """Every fact as the run's earlier attempts first reported it; an attempt's folder lies beside theirs."""
    facts: dict[str, object] = {}
    for entry in _entries(folder):
        if isinstance(name := entry.get("fact"), str):
            facts.setdefault(name, entry.get("value"))
    return facts


def latest_facts(folder: Path) -> dict[str, object]:
    """Every fact as the run's earlier attempts last reported it."""
    return {str(e["fact"]): e.get("value") for e in _entries(folder) if isinstance(e.get("fact"), str)}


def run_began(folder: Path) -> float | None:
    """When the run's first attempt was written down, as seconds of wall time; None where there is none."""
    try:
        return min(spec.stat().st_mtime for spec in folder.parent.glob("*/spec.json"))
    except (OSError, ValueError):
        return None


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    for report in sorted(folder.parent.glob("*/report.jsonl")):
        if report.parent.name >= folder.name:
            return
        for line in report.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # a killed task's last line may be torn
                continue
            if isinstance(entry, dict):
                yield entry
