"""The application's processes, kept by pm2 (deployment-workflow.md, Step 3).

pm2's exit codes lie: `restart` and `reload` exit 0 while a crashing application dies. So what counts
is `verify`. pm2's daemon outlives the step that may start it, and keeps its starter's environment for
ever, so every pm2 command gets a cleaned one: no secret and no marker of a step lives on in it.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, MachineFault
from handrail.probes import pm2_list
from handrail.probes.pm2_list import INHERITED, Instance
from handrail.tasks.app import ask_served
from handrail.tasks.commands import Command
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.model import Target

START_WITHIN = 60.0
LOOK_EVERY = 2.0
CRASH_LOOP = 3
LONGEST_CAUSE = 200
LOG_LINES = 12
TAIL_BYTES = 16 * 1024


def pm2_command(target: Target, *arguments: str, reads_only: bool = False, dry: str = "") -> Command:
    """A pm2 command in the checkout, with only what the application and pm2 itself need to know."""
    return Command(
        (*target.pm2.program, *arguments),
        target.checkout,
        {"PM2_HOME": str(target.pm2.home)} if target.pm2.home else {},
        reads_only=reads_only,
        dry_output=dry,
        inherits=frozenset({*INHERITED, *target.environment}),
    )


def restart_command(target: Target, verb: str) -> Command:
    """`restart` or `reload` of the target's processes; with an ecosystem file, what isn't running starts.

    Without `--update-env` the processes would go on with the environment of their first start.
    """
    if target.pm2.ecosystem:
        word = {"restart": "startOrRestart", "reload": "startOrReload"}[verb]
        return pm2_command(target, word, target.pm2.ecosystem, "--update-env")
    return pm2_command(target, verb, *(target.pm2.names or ("all",)), "--update-env")


def list_command(target: Target) -> Command:
    """The list of processes. Any pm2 command may start a daemon and print a banner first: `--silent`."""
    names = target.pm2.names or ("app",)
    shown = [
        {"name": name, "pm_id": number, "pid": number + 1, "pm2_env": {"status": "online"}}
        for number, name in enumerate(names)
    ]
    return pm2_command(target, "jlist", "--silent", reads_only=True, dry=json.dumps(shown))


def instances(place: Workplace, *, quiet: bool = False) -> tuple[Instance, ...]:
    """The target's processes; what pm2 printed besides is never shown, it holds secrets."""
    target = place.target
    outcome = place.attempt(list_command(target), quiet=quiet)
    if outcome.code:
        raise MachineFault(
            f"pm2 can't list its processes (exit code {outcome.code}).",
            next_step="try `pm2 ping` as this user; see whether PM2_HOME is right and its disk isn't full.",
        )
    try:
        found = pm2_list.parse(outcome.output)
    except pm2_list.NotAList as error:
        raise MachineFault(
            "pm2 gave no list of processes that can be read.",
            next_step="try `pm2 ls` as this user; where pm2 was updated, `pm2 update` renews its daemon.",
        ) from error
    return pm2_list.of_target(found, target.pm2.names)


def present(place: Workplace, found: Sequence[Instance]) -> None:
    """Raise `HandrailError` where pm2 keeps none of the target's processes."""
    target = place.target
    if found:
        return
    home = target.pm2.home or "the user's default PM2_HOME"
    names = ", ".join(target.pm2.names) or "any"
    raise HandrailError(
        f"pm2 keeps no process of this application (names: {names}; {home}).",
        next_step="see whether pm2.home in handrail.toml is the application's; each user and PM2_HOME has"
        " a list of its own. With pm2.ecosystem set, pm2.reload starts what is missing.",
    )


@task
def restart(context: Context) -> None:
    """Stop and start all processes of the application, with the environment as it is written now."""
    begin_again(workplace(context), "restart")


@task
def reload(context: Context) -> None:
    """Exchange the processes one after the other; what isn't running yet is started."""
    begin_again(workplace(context), "reload")


def begin_again(place: Workplace, verb: str) -> None:
    """Restart or reload, recording what is needed to prove afterwards that it really happened."""
    target = place.target
    before = instances(place)
    if not target.pm2.ecosystem:
        present(place, before)
    place.fact("pids_before", pm2_list.pids(before))
    place.fact("log_offsets", json.dumps(pm2_list.log_sizes(before)))
    place.run(restart_command(target, verb))


@task
def status(context: Context) -> None:
    """Show the application's processes; passes where all are online."""
    place = workplace(context)
    found = instances(place)
    for line in pm2_list.table(found, time.time()):
        place.say(line)
    present(place, found)
    wrong = [f"{i.name} {i.id} is {i.status}" for i in found if not i.online]
    place.conclude(
        not wrong,
        "; ".join(wrong) or f"{len(found)} of {len(found)} online",
        next_step="see the application's log (pm2 logs --nostream) for why it doesn't stay up.",
    )


@task
def verify(context: Context, version: str = "", commit: str = "", pids_before: str = "") -> None:
    """Check that all processes are online and stay so, are new ones, and serve the expected release."""
    place = workplace(context)
    target = place.target
    first = _all_online(place)
    old = set(filter(None, pids_before.split(","))) & {str(i.pid) for i in first}
    if old:
        place.conclude(
            False,
            f"processes from before the restart still run: pid {', '.join(sorted(old))}",
            next_step="restart them (pm2.restart), then verify again.",
        )
    # What the old processes logged until they ended is not these ones' fault.
    place.fact("log_offsets_new", json.dumps(pm2_list.log_sizes(first)))
    settle = target.pm2.settle.total_seconds()
    place.say(f"All {len(first)} online; watching them for {settle:g} s.")
    for elapsed in place.performer.ticks(settle, LOOK_EVERY):
        if changes := pm2_list.unsteady(first, instances(place, quiet=elapsed > 0)):
            _show_log(place, first)
            place.conclude(
                False,
                f"not steady after {elapsed:.0f} s: {'; '.join(changes)}",
                next_step="it keeps dying after its start: its log above says why. Common causes: a missing"
                " environment variable, a dependency, the database's schema.",
            )
    evidence = f"{len(first)} online, same pids and restart counts for {settle:g} s"
    if version or commit:
        passed, served = ask_served(place, version, commit)
        if passed is None:
            raise place.unknown(f"{evidence}; but what it serves can't be told: {served}")
        if not passed:
            place.conclude(
                False, served, next_step="see whether the build was made anew, and what pm2.status shows."
            )
        evidence += f"; {served}"
    place.conclude(True, evidence)


def _all_online(place: Workplace) -> tuple[Instance, ...]:
    wrong: list[str] = []
    before: dict[int, int] = {}
    for elapsed in place.performer.ticks(START_WITHIN, 1.0):
        found = instances(place, quiet=elapsed > 0)
        present(place, found)
        before = before or {i.id: i.restarts for i in found}
        again = {i.id: i.restarts - before.get(i.id, i.restarts) for i in found}
        wrong = [
            f"{i.name} {i.id} is {i.status}"
            + (f" (began anew {again[i.id]} times)" if again[i.id] > 0 else "")
            for i in found
            if not i.online
        ]
        if not wrong:
            return found
        # What dies at once may read `launching` for a minute before pm2 gives up: a minute of the countdown.
        if any(i.status == "errored" for i in found) or max(again.values()) >= CRASH_LOOP:
            break
    last = _show_log(place, found)
    place.conclude(
        False,
        "; ".join(wrong) + (f"; its log ends: {last}" if last else ""),
        next_step="it doesn't come up, and its log says why. Roll back; or mend the cause, have pm2 start it"
        f" anew ({shlex.join(restart_command(place.target, 'restart').argv)}, in {place.site.checkout}), then"
        " retry.",
    )
    return ()


def _show_log(place: Workplace, found: Sequence[Instance]) -> str:
    """Print the end of the error logs; the last line that was written lately, as the likeliest cause."""
    last = ""
    for path in sorted({i.error_log for i in found if i.error_log is not None}):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]
        place.say(f"The end of {path}:")
        for line in lines:
            place.say(f"  {line}")
        if lines and time.time() - path.stat().st_mtime < START_WITHIN:
            last = lines[-1].strip()[:LONGEST_CAUSE]
    return last
