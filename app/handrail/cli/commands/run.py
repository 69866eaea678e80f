"""`handrail run`: from a runbook to a run."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack

import click

from handrail.cli.actors import current_actor
from handrail.cli.auto import OnFailure
from handrail.cli.completing import complete_runbooks, complete_targets
from handrail.cli.following import Following
from handrail.cli.joining import attach_command
from handrail.cli.opening import RunOpening, read_parameters
from handrail.cli.screens import narrator_for, plain_here, plain_screen, run_tui
from handrail.cli.surroundings import Surroundings
from handrail.cli.unattended import UnattendedScreen
from handrail.cli.window import plan_window
from handrail.errors import ExitCode, WrongUsage
from handrail.journal.session import RunSession
from handrail.project.secret import secrets_of
from handrail.reports.summary import plan_lines
from handrail.text import clean_line, mask


@click.command()
@click.argument("runbook", shell_complete=complete_runbooks)
@click.option("--target", "-t", help="What is deployed to.", shell_complete=complete_targets)
@click.option("--param", "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter's value.")
@click.option("--plain", is_flag=True, help="By lines on standard input and output.")
@click.option("--auto", is_flag=True, help="Run each next step without a person, until one is needed.")
@click.option("--attest", metavar="REASON", help="With --auto: say that attestations hold, and why.")
@click.option(
    "--on-failure",
    type=click.Choice([each.value for each in OnFailure]),
    default=OnFailure.LEAVE.value,
    show_default=True,
    help="With --auto: what to do when a step fails.",
)
@click.option("--take-lock", metavar="TARGET", help="Take the target's stale lock over, by its name.")
@click.option("--reason", default="", help="With --take-lock: why.")
@click.option("--dry-run", is_flag=True, help="Print the plan with its exact commands; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output, all else on standard error.")
@click.pass_obj
def run(
    here: Surroundings,
    runbook: str,
    target: str | None,
    parameters: tuple[str, ...],
    plain: bool,
    auto: bool,
    attest: str | None,
    on_failure: str,
    take_lock: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Walk through RUNBOOK, a name or any Markdown file.

    With a terminal it opens the screen; without one, or with --plain, the same run goes by lines.
    """
    if plain and auto:
        raise WrongUsage("--plain and --auto exclude each other.", next_step="give one of them.")
    if not auto and (attest is not None or on_failure != OnFailure.LEAVE):
        raise WrongUsage(
            "--attest and --on-failure belong to --auto.", next_step="add --auto, or leave them."
        )
    if attest is not None and not attest.strip():
        raise WrongUsage("--attest needs a reason: it will stand in the journal.")
    here = here.of_runbook(runbook)
    opening = RunOpening(here.project, runbook=runbook, target=target, given=read_parameters(parameters))
    if take_lock is not None:
        opening.take_lock(take_lock, reason)
    if dry_run:
        return _dry_run(here, opening, as_json=as_json)
    by_lines = auto or plain or as_json
    if not by_lines and (why := plain_here(here.environment)) is not None:
        print(f"By plain lines, since {why}.", file=sys.stderr)
        by_lines = True
    if by_lines:
        if not auto:
            _ask_for_missing(opening)
        # All that can be refused is refused before the state directory is made.
        opening.preview(opening.given)
    with ExitStack() as stack:
        journal = stack.enter_context(here.journal())
        opening.use(here.state, journal, current_actor(here.environment), here.clock)
        if not by_lines:
            return run_tui(here, target=opening.target, opening=opening)
        session = opening.open(opening.given)
        back = attach_command(here, session.run)
        if auto:
            return _unattended(here, session, back, attest, OnFailure(on_failure), as_json=as_json)
        return plain_screen(session, here.state, back, as_json=as_json).drive()


def _ask_for_missing(opening: RunOpening) -> None:
    """Ask at a terminal for the parameters that were not given, each with its own question."""
    if sys.stdin is None or not sys.stdin.isatty():
        return
    for name, parameter in opening.runbook.front_matter.parameters.items():
        if name not in opening.given:
            answer: str = click.prompt(
                f"{name}: {clean_line(parameter.prompt)}", default=parameter.default, err=True
            )
            opening.given[name] = answer.strip()


def _dry_run(here: Surroundings, opening: RunOpening, *, as_json: bool) -> int:
    plan = opening.preview(opening.given)
    window = plan_window(plan, here.clock.now())
    commands = opening.commands(plan)
    secrets = secrets_of(plan.target)
    if as_json:
        values = {"plan": plan.model_dump(mode="json", by_alias=True), "commands": commands, "window": window}
        print(mask(json.dumps(values, indent=2), secrets))
        return ExitCode.FINISHED
    for line in plan_lines(plan, commands):
        indent = line[: len(line) - len(line.lstrip(" "))]
        print(mask(indent + clean_line(line), secrets))
    if window:
        print(f"\n{clean_line(window)}")
    print("\nA dry run: nothing was started, changed or journaled.")
    return ExitCode.FINISHED


def _unattended(
    here: Surroundings,
    session: RunSession,
    back: str,
    attest: str | None,
    on_failure: OnFailure,
    *,
    as_json: bool,
) -> int:
    narrator = narrator_for(session, here.state, as_json=as_json)
    screen = UnattendedScreen(
        Following(session, narrator), attach_command=back, attest=attest, on_failure=on_failure
    )
    return screen.drive()
