"""The command `handrail`: its subcommands, its global options, and how an error ends it."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from handrail import __version__
from handrail.cli.surroundings import LOG_NAME, Surroundings
from handrail.errors import ExitCode, HandrailError

COMMANDS = {
    "run": ("run", "Walk through a runbook: on the screen, by plain lines, or as a dry run."),
    "hotfix": ("hotfix", "The guided way of an emergency: branch, least change, deploy, watch."),
    "attach": ("attach", "Go on with an open run at this terminal."),
    "watch": ("attach", "Look on at a run, without acting."),
    "runs": ("runs", "List the runs, newest first."),
    "show": ("runs", "Show all that is known of a run."),
    "log": ("log", "Print the log of an attempt."),
    "report": ("report", "Write a run as one HTML page and as Markdown, to pass around."),
    "postmortem": (
        "postmortem",
        "Write or refresh the post-mortem of an emergency; list those that are due.",
    ),
    "stats": ("stats", "How often, how fast and how well was deployed, against the workflow's targets."),
    "note": ("act", "Write a note into a run's journal."),
    "signals": ("watching", "Print each signal of a run: now, baseline, threshold, verdict."),
    "trouble": ("watching", "Pass on what users report; it opens a deadline."),
    "extend": ("watching", "Give a deadline more time, with a reason."),
    "keep": ("watching", "Confirm that the release stays: nothing is rolled back by itself."),
    "stretch": ("watching", "Watch a release for longer."),
    "rollback": ("act", "Roll back what a run did."),
    "abort": ("act", "End a run as it stands; nothing is taken back."),
    "approve": ("approve", "Approve a commit for a target, by a signature with your own SSH key."),
    "check": ("check", "Check runbooks, and name every mistake with its line."),
    "schema": ("check", "Print the JSON Schema of a step block, for editors."),
    "sandbox": ("sandbox", "A real application to try and to train on."),
    "doctor": ("doctor", "Say what would hurt at 3 a.m., and how to mend it."),
    "config": ("config", "Say where your own settings are read from, and what is in force."),
    "completion": ("completion", "Print the shell completion script."),
}


class LateGroup(click.Group):
    """Imports a subcommand's module only when it is called: `--help` must not wait for a screen."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which an operator meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand itself."""
        if cmd_name not in COMMANDS:
            return None
        # What an import makes stays: to collect garbage meanwhile finds none, and takes a tenth of the time.
        gc.disable()
        try:
            module = importlib.import_module(f"handrail.cli.commands.{COMMANDS[cmd_name][0]}")
        finally:
            gc.enable()
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help text, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """The names of subcommands that begin so, without importing any of them."""
        item = click.shell_completion.CompletionItem
        found = [item(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LateGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 finished, 1 failed or rolled back, 2 wrong usage or invalid runbook, "
    "3 detached with the run still open, 4 refused (lock or gate), 5 in doubt.",
)
@click.option(
    "--project",
    type=click.Path(path_type=Path),
    help="The folder of handrail.toml. Without it: the nearest one upward from here.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="The state directory, which holds the journal and the logs.",
)
@click.version_option(__version__, prog_name="handrail")
@click.pass_context
def cli(context: click.Context, project: Path | None, state: Path | None) -> int | None:
    """Walks an operator through a deployment runbook: gated, journaled, verified, undone in time.

    Without a command, at a terminal, it lists runbooks and runs to choose from.
    """
    context.obj = Surroundings(os.environ, named_project=project, named_state=state)
    return _choose(context) if context.invoked_subcommand is None else None


def _choose(context: click.Context) -> int:
    """The list of all that one can begin with, where this terminal can show it."""
    from handrail.cli.screens import plain_here  # noqa: PLC0415

    here: Surroundings = context.obj
    if (why := plain_here(here.environment)) is not None:
        print(context.get_help())
        print(f"\nNo list to choose from, since {why}: `handrail runs` lists the runs.", file=sys.stderr)
        return int(ExitCode.WRONG_USAGE)
    from handrail.cli.choosing import Chooser  # noqa: PLC0415
    from handrail.cli.screens import run_tui  # noqa: PLC0415

    with here.journal() as journal:
        return run_tui(here, choosing=Chooser(here, journal))


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program; its return value is one of `ExitCode`."""
    try:
        answer = cli.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="handrail",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return int(ExitCode.WRONG_USAGE)
    except HandrailError as error:
        _say(error.lines())
        return int(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _say(["Interrupted. Nothing that runs was stopped by this."])
        return int(ExitCode.FAILED_OR_ROLLED_BACK)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.FAILED_OR_ROLLED_BACK)
    except Exception as error:  # noqa: BLE001  (the last resort: a person gets one line, the log the rest)
        _say(_unexpected(error))
        return int(ExitCode.FAILED_OR_ROLLED_BACK)
    return int(answer) if isinstance(answer, int) else int(ExitCode.FINISHED)


def _say(lines: Sequence[str]) -> None:
    try:
        print("\n".join(lines), file=sys.stderr, flush=True)
    except OSError:
        # Standard error is gone, too: there is nobody left to tell.
        return


def _unexpected(error: Exception) -> list[str]:
    """One line for the person; the traceback goes to the log, or onto the screen where it can't."""
    said = f"handrail failed unexpectedly: {type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error))
    reference = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    try:
        folder = Surroundings.last_state(os.environ, sys.argv)
        with (folder / LOG_NAME).open("a", encoding="utf-8") as log:
            log.write(f"{reference} {' '.join(sys.argv)}\n{text}\n")
    except OSError:
        return [text, said, "What runs goes on: `handrail attach` shows it."]
    return [
        f"{said} (reference {reference} in {folder / LOG_NAME})",
        "What runs goes on: `handrail attach` shows it.",
    ]
