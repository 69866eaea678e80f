"""`handrail hotfix`: an emergency's guided path, the runbook `hotfix` with its questions as options."""

from __future__ import annotations

import click

from handrail.cli.auto import OnFailure
from handrail.cli.commands.run import run as run_command
from handrail.cli.completing import complete_targets
from handrail.cli.opening import read_parameters
from handrail.cli.surroundings import Surroundings
from handrail.errors import WrongUsage

RUNBOOK = "hotfix"
RULES = ("window", "staging", "soak")


@click.command()
@click.option("--incident", metavar="NAME", help="The incident's number or name.")
@click.option("--on-call", metavar="WHO", help="The on-call engineer, who watches the deployment.")
@click.option("--what", metavar="TEXT", help="What is repaired, in a few words.")
@click.option("--tag", metavar="TAG", help="The tag that the repaired release gets.")
@click.option(
    "--skip",
    "skipped",
    multiple=True,
    metavar="RULE=REASON",
    help=f"Go without a rule ({', '.join(RULES)}), and say why; again for each rule.",
)
@click.option("--push/--no-push", default=None, help="Push branch and tag once the fix is there.")
@click.option("--param", "-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter's value.")
@click.option("--target", "-t", help="What is repaired.", shell_complete=complete_targets)
@click.option("--plain", is_flag=True, help="By lines on standard input and output.")
@click.option("--take-lock", metavar="TARGET", help="Take the target's lock over, by its name.")
@click.option("--reason", default="", help="With --take-lock: why.")
@click.option("--dry-run", is_flag=True, help="Print the plan with its exact commands; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output, all else on standard error.")
@click.pass_context
def hotfix(
    context: click.Context,
    incident: str | None,
    on_call: str | None,
    what: str | None,
    tag: str | None,
    skipped: tuple[str, ...],
    push: bool | None,
    parameters: tuple[str, ...],
    target: str | None,
    plain: bool,
    take_lock: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Repair production at once: the least change on a branch of what is served, deployed and watched.

    What isn't given is asked for. Tests, review, backup, announcement, smoke tests and the watch stay.
    """
    assert isinstance(context.obj, Surroundings)  # noqa: S101  (the group sets it)
    answers = {"incident": incident, "on_call": on_call, "feature": what, "tag": tag}
    given = [f"{name}={value}" for name, value in answers.items() if value is not None]
    if push is not None:
        given.append(f"push={'yes' if push else 'no'}")
    for rule, why in read_parameters(skipped).items():
        if rule not in RULES:
            raise WrongUsage(
                f"{rule!r} is no rule that an emergency may go without.",
                still_safe="nothing was started.",
                next_step=f"one of {', '.join(RULES)}; all other rules stay in force.",
            )
        if not why.strip():
            raise WrongUsage(f"Say why the rule {rule} is skipped.", next_step=f"give --skip {rule}=REASON.")
        given.append(f"skip_{rule}={why}")
    answer: int = context.invoke(
        run_command,
        runbook=RUNBOOK,
        target=target,
        parameters=(*given, *parameters),
        plain=plain,
        auto=False,
        attest=None,
        on_failure=OnFailure.LEAVE.value,
        take_lock=take_lock,
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
    )
    return answer
