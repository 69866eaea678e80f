"""The known issues that a run's failed steps show, looked up once for each attempt."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from handrail.errors import WrongUsage
from handrail.issues.matcher import LOG_TAIL_BYTES, Failure, find
from handrail.issues.model import Found, Issue
from handrail.run.plan import Plan
from handrail.run.state import RunState, StepState, StepStatus


class KnownIssues:
    """The catalogue of a run's project; called with a step, it gives what the step's failure shows.

    It is read when the first step fails: a run that goes well never pays for it.
    """

    def __init__(self, plan: Plan, log_path: Callable[[str, int], Path]) -> None:
        self._plan = plan
        self._log_path = log_path
        self._found: dict[tuple[str, int, str], tuple[Found, ...]] = {}

    def __call__(self, state: RunState, step: StepState) -> tuple[Found, ...]:
        """What the failed step shows; nothing for one that did not fail."""
        if step.status not in (StepStatus.FAILED, StepStatus.IN_DOUBT):
            return ()
        attempt = state.last_attempt(step.key)
        number = attempt.number if attempt else 0
        known = (step.key, number, step.why)
        if known not in self._found:
            call = attempt.call if attempt else step.planned.call
            failure = Failure(
                step=step.key,
                task=call.task if call else "",
                reason=f"{step.why}\n{step.planned.statement or ''}",
                exit_code=attempt.exit_code if attempt else None,
                facts=state.facts,
                log=_tail(self._log_path(state.run, number)) if attempt else "",
            )
            self._found[known] = find(self._issues, failure)
        return self._found[known]

    @cached_property
    def _issues(self) -> tuple[Issue, ...]:
        from handrail.issues import loader  # noqa: PLC0415  (its YAML parser: only where a step failed)

        return loader.load(_folders(Path(self._plan.project_root)))[0]


def _folders(root: Path) -> tuple[Path, ...]:
    """The project's runbook folders; its usual one where its file can't be read any more."""
    from handrail.project import loader  # noqa: PLC0415

    file = root / loader.FILE_NAME
    try:
        return loader.load(file).runbooks if file.is_file() else (root / "runbooks",)
    except (WrongUsage, OSError):
        return (root / "runbooks",)


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LOG_TAIL_BYTES))
            return file.read(LOG_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
