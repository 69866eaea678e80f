"""What a target asks of a release before it is deployed, and how it may do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail.tasks.workplace import Workplace

if TYPE_CHECKING:
    from handrail.project.staging import SetAside


def is_asked_for(
    place: Workplace, what: str, rule: SetAside | None, *, said: bool, done: str, unsaid: str, next_step: str
) -> bool:
    """Whether the target asks for `what`; where it may do without, the check is concluded, with the reason.

    `said` is whether handrail.toml says how it is done: a production target that doesn't is unknown, which
    never passes. Raises `HandrailError` then, of `unsaid` and `next_step`.
    """
    name = place.site.name
    if rule is not None and not rule.enabled:
        place.conclude(True, f"handrail.toml asks for no {what} before {name}: {rule.reason}")
        return False
    if said:
        return True
    if not place.target.production:
        place.conclude(True, f"{name} is no production target: nothing has to be {done} before it")
        return False
    raise place.unknown(unsaid, next_step=next_step)
