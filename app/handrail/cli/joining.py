"""Coming to a run that exists already: which one, as whom, and whether to drive it."""

from __future__ import annotations

import shlex

from msgspec import Struct

from handrail.cli.actors import current_actor, has_ended
from handrail.cli.engines import keep_engine, watch_engine
from handrail.cli.surroundings import Surroundings
from handrail.engine.launch import engine_alive, ensure_engine
from handrail.errors import Refused, WrongUsage
from handrail.journal.base import Journal, RunHead, UnknownRun
from handrail.journal.session import RunFollower, RunSession
from handrail.run import commands as c
from handrail.run.actors import Actor
from handrail.run.state import RunState

MOST_LISTED = 200
SCREEN_ENDED = "the earlier screen has ended"


class Joined(Struct, frozen=True):
    """A session on a run; `drives` is False for one who only looks on, and `said` is for the screen."""

    session: RunSession
    drives: bool
    said: tuple[str, ...]


def pick_run(journal: Journal | None, named: str | None) -> str:
    """The named run, by its whole id or a part that only one run has; without a name, the only open run.

    Raises `UnknownRun`, and `WrongUsage` where it isn't clear which is meant.
    """
    heads = journal.runs(limit=MOST_LISTED, open_only=named is None) if journal else []
    if named is not None:
        if journal is not None and journal.last_seq(named):
            return named
        found = [head for head in heads if named and named in head.run]
        if len(found) == 1:
            return found[0].run
        if not found:
            raise UnknownRun(named)
        raise _unclear(f"{len(found)} runs have {named!r} in their id.", found)
    if len(heads) == 1:
        return heads[0].run
    if not heads:
        raise WrongUsage(
            "No run is open.",
            still_safe="nothing was changed.",
            next_step="`handrail runs` lists the closed ones; name one of them to see it.",
        )
    raise _unclear(f"{len(heads)} runs are open.", heads)


def _unclear(summary: str, heads: list[RunHead]) -> WrongUsage:
    listed = "\n".join(f"{head.run}  on {head.target}" for head in heads[:20])
    return WrongUsage(
        summary, evidence=listed, still_safe="nothing was changed.", next_step="name one of them."
    )


def attach_command(surroundings: Surroundings, run: str) -> str:
    """The command that brings an operator back to this run, from anywhere."""
    state = shlex.quote(str(surroundings.state.root))
    return f"handrail --state {state} attach {run}"


def why_only_watch(state: RunState, actor: Actor) -> str | None:
    """Why someone who attaches may not drive at once; `None` where their own earlier screen is gone."""
    operator = state.operator
    if not operator.is_same_person(actor):
        return f"{operator.name} drives this run."
    if has_ended(operator, actor.host):
        return None
    return "Your earlier screen still runs and drives this run."


def join(
    surroundings: Surroundings,
    journal: Journal,
    run: str,
    *,
    to_drive: bool,
    take_over: str | None = None,
    actor: Actor | None = None,
) -> Joined:
    """A session on an existing run; one who drives it sees to it that it has an engine.

    With `to_drive`, control is taken where the same user's earlier screen has ended, or where `take_over`
    gives a reason. Raises `Refused` where that reason is refused, and `JournalDamaged` where the run's events
    are not those that its engines wrote.
    """
    state_folder = surroundings.state
    actor = actor or current_actor(surroundings.environment)
    session = RunSession(journal, run, actor, surroundings.clock, watch_engine(state_folder, run))
    if not session.state.phase.is_open:
        # A note on a run that is over needs an engine to take it.
        session.keep_engine = keep_engine(state_folder, run)
        return Joined(session, False, (f"The run is over: {session.state.phase.value}.",))
    said: list[str] = []
    # An engine runs as whoever starts it, with their files and keys: only the run's own user does.
    if take_over or (to_drive and session.state.operator.user == actor.user):
        session.keep_engine = keep_engine(state_folder, run)
        if not engine_alive(state_folder, run) and ensure_engine(state_folder, run):
            said.append("No engine was driving this run: a new one was started, and takes over what runs.")
    if not to_drive:
        return Joined(session, False, tuple(said))
    obstacle = None if take_over else why_only_watch(session.state, actor)
    if obstacle is not None:
        said.append(f"{obstacle} You are watching; to drive it, attach with --take-over REASON.")
        return Joined(session, False, tuple(said))
    command = c.TakeControl(reason=take_over or SCREEN_ENDED)
    if (why := session.why_not(command)) is not None:
        raise Refused(f"You can't take over: {why}", still_safe="the run goes on as it was.")
    session.send(command)
    return Joined(session, True, tuple(said))


def read_state(journal: Journal, run: str) -> RunState:
    """A run's state as it stands, without acting on it."""
    return RunFollower(journal, run).state
