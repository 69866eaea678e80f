"""`handrail note`, `rollback` and `abort`: one act on a run, without a screen."""

from __future__ import annotations

import sys

import click

from handrail.cli.acting import do, joined
from handrail.cli.closing import close_without_lock, has_lost_its_lock
from handrail.cli.completing import complete_runs
from handrail.cli.exits import exit_code_of
from handrail.cli.following import Following
from handrail.cli.joining import attach_command, pick_run
from handrail.cli.screens import narrator_for
from handrail.cli.surroundings import Surroundings
from handrail.cli.unattended import UnattendedScreen
from handrail.errors import ExitCode, Refused, WrongUsage
from handrail.reports.summary import undo_lines
from handrail.run import commands as c
from handrail.text import clean_line


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("text", nargs=-1, required=True)
@click.pass_obj
def note(here: Surroundings, run: str, text: tuple[str, ...]) -> int:
    """Write TEXT into the journal of RUN; a watcher may, too."""
    with here.existing_journal() as journal:
        session = joined(here, journal, run, to_drive=False, take_over=None)
        do(session, c.AddNote(text=" ".join(text)))
    print("Noted.")
    return ExitCode.FINISHED


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("--reason", required=True, help="Why; it will stand in the journal.")
@click.option("--take-over", metavar="REASON", help="Act even though someone else drives the run.")
@click.pass_obj
def abort(here: Surroundings, run: str | None, reason: str, take_over: str | None) -> int:
    """End RUN as it stands: nothing is taken back, and the target's lock is released."""
    with here.existing_journal() as journal:
        chosen = pick_run(journal, run)
        if journal is not None and has_lost_its_lock(journal, chosen):
            close_without_lock(here, journal, chosen, reason=reason, take_over=take_over)
            print("The run was closed as it stood. Its target belongs to no run or to another, as before.")
            return ExitCode.FAILED_OR_ROLLED_BACK
        session = joined(here, journal, chosen, to_drive=True, take_over=take_over)
        do(session, c.AbortRun(reason=reason))
        print("The run was aborted as it stood; nothing was taken back, and the lock is released.")
        return exit_code_of(session.state)


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("--confirm", metavar="TARGET", help="The target's name; asked for at a terminal.")
@click.option("--reason", default="", help="Why; it will stand in the journal.")
@click.option("--take-over", metavar="REASON", help="Act even though someone else drives the run.")
@click.pass_obj
def rollback(
    here: Surroundings, run: str | None, confirm: str | None, reason: str, take_over: str | None
) -> int:
    """Undo what RUN did, newest first, and follow it to its end. Exit code 1 says: rolled back."""
    with here.existing_journal() as journal:
        session = joined(here, journal, run, to_drive=True, take_over=take_over)
        target = session.state.plan.target.name
        command = c.RollBack(confirm=target, reason=reason)
        if (why := session.why_not(command)) is not None:
            raise Refused(why, still_safe="the run is unchanged.")
        for line in undo_lines(session.state):
            indent = line[: len(line) - len(line.lstrip(" "))]
            print(indent + clean_line(line))
        if confirm is None:
            confirm = _ask_for(target)
        if confirm != target:
            raise Refused(
                f"{confirm!r} is not the target's name, {target}.",
                still_safe="nothing was rolled back.",
                next_step=f"give --confirm {target}.",
            )
        session.send(command)
        narrator = narrator_for(session, here.state, as_json=False)
        screen = UnattendedScreen(
            Following(session, narrator), attach_command=attach_command(here, session.run)
        )
        return screen.drive()


def _ask_for(target: str) -> str:
    if not sys.stdin.isatty():
        raise WrongUsage(
            "A rollback must be confirmed with the target's name.",
            still_safe="nothing was rolled back.",
            next_step=f"give --confirm {target}.",
        )
    answer: str = click.prompt("Type the target's name to roll back", default="", show_default=False)
    return answer.strip()
