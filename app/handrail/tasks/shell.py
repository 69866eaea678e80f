"""Shell fences of a runbook."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from handrail.tasks.commands import Command
from handrail.tasks.workplace import Site, workplace


def fence_command(site: Site, script: str) -> Command:
    """The script as one argument of bash, which stops at the first command that fails."""
    return Command(("bash", "-euo", "pipefail", "-c", script), site.checkout)


@task
def fence(context: Context, script: str) -> None:
    """Run a runbook's shell fence in the checkout."""
    place = workplace(context)
    place.run(fence_command(place.site, script))
