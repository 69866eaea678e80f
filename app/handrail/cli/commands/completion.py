"""`handrail completion`: the script that teaches a shell our words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from handrail.errors import ExitCode, WrongUsage

VARIABLE = "_HANDRAIL_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script for SHELL; put `eval "$(handrail completion bash)"` into its start file."""
    found = get_completion_class(shell)
    if found is None:
        raise WrongUsage(f"There is no completion for the shell {shell}.")
    print(found(context.find_root().command, {}, "handrail", VARIABLE).source())
    return ExitCode.FINISHED
