"""Dependencies, build and tests of a Node.js application, by npm."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from handrail.tasks.commands import Command
from handrail.tasks.workplace import CommandFailed, Site, workplace

LOCK_FILES = ("npm-shrinkwrap.json", "package-lock.json")
# An unreachable registry makes npm hang for 140 s with its own default of two retries.
COMMON = ("--fetch-retries=1", "--no-audit", "--no-fund")
ENVIRONMENT = {"NO_UPDATE_NOTIFIER": "1", "npm_config_update_notifier": "false"}


def install_command(site: Site, *, locked: bool) -> Command:
    """`npm ci` where there is a lock file. `--include=dev`: NODE_ENV=production omits what builds need."""
    verb = "ci" if locked else "install"
    return Command(("npm", verb, "--include=dev", *COMMON), site.checkout, ENVIRONMENT)


def script_command(site: Site, script: str) -> Command:
    """One of the npm scripts of the application's package.json."""
    argv = ("npm", "test") if script == "test" else ("npm", "run", script)
    return Command(argv, site.checkout, ENVIRONMENT)


@task
def install(context: Context) -> None:
    """Install the dependencies that the lock file names (repeatable)."""
    place = workplace(context)
    locked = any((place.site.checkout / name).is_file() for name in LOCK_FILES)
    if not locked:
        place.say("Warning: this release has no lock file; npm picks the versions itself, today's ones.")
    command = install_command(place.site, locked=locked)
    try:
        place.run(command)
    except CommandFailed as error:
        raise CommandFailed(
            command,
            error.outcome,
            still_safe="the running application goes on with the modules that it has loaded.",
            next_step="read npm's message above and mend its cause; then retry the step: npm ci empties"
            " node_modules first, so it can be repeated. A lock file that disagrees with package.json"
            " must be mended in the repository.",
        ) from error


@task
def build(context: Context) -> None:
    """Build the production assets (npm run build)."""
    place = workplace(context)
    place.run(script_command(place.site, "build"))


@task
def test(context: Context) -> None:
    """Run the application's test suite (npm test)."""
    place = workplace(context)
    place.run(script_command(place.site, "test"))
