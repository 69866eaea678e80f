"""A run told by lines: what happens, what the running attempt writes, and how long there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from handrail.clock import Instant
from handrail.issues.model import Found
from handrail.issues.telling import issue_lines
from handrail.journal.session import Entry, RunFollower
from handrail.reports.countdown import countdown_line
from handrail.reports.signals import progress, standing
from handrail.reports.timeline import sentence
from handrail.run import events as e
from handrail.run.deadline_stage import Stage, stage_of
from handrail.run.deadlines import Countdown, countdowns
from handrail.run.emergency import emergency_words
from handrail.run.events import Event, read_event, write_event
from handrail.run.rollback_outlook import rollback_outlook
from handrail.run.state import AttemptState, RunState, StepState
from handrail.text import clean, clean_line, mask

MOST_BYTES_AT_ONCE = 32 * 1024
LONGEST_LINE = 2000
WATCH_PARTS = 6
LOG_PREFIX = "    | "


class Narrator:
    """Prints a run as it goes on. With `events_to`, each event is also one line of JSON there."""

    def __init__(
        self,
        follower: RunFollower,
        log_path: Callable[[str, int], Path],
        out: IO[str],
        *,
        secrets: Sequence[str] = (),
        events_to: IO[str] | None = None,
        timezone: Callable[[datetime], datetime] = datetime.astimezone,
        issues: Callable[[RunState, StepState], Iterable[Found]] | None = None,
    ) -> None:
        self._follower = follower
        self._log_path = log_path
        self._out = out
        self._secrets = secrets
        self._events_to = events_to
        self._timezone = timezone
        self._issues = issues
        self._tails: dict[int, LogTail] = {}
        self._told_countdowns = CountdownMoments()
        self._told_watch = WatchMoments()

    def say(self, text: str = "") -> None:
        """Print one line, whatever it holds, as one harmless line."""
        self._write(clean_line(text) if text else "")

    def say_all(self, lines: Iterable[str]) -> None:
        """Print lines that keep their indentation."""
        for line in lines:
            indent = line[: len(line) - len(line.lstrip(" "))]
            self._write(indent + clean_line(line))

    def _write(self, line: str) -> None:
        self._out.write(mask(line, self._secrets) + "\n")
        self._out.flush()

    def greet(self) -> None:
        """Say which run this is, and hand on the events that came before this screen."""
        state = self._follower.state
        for record in self._follower.journal.read(state.run, limit=state.seq):
            self._hand_on(Entry(record.seq, record.at, read_event(record.body)))
        mark = " (PRODUCTION)" if state.plan.target.production else ""
        steps = len(state.forward_steps)
        self.say(f"Run {state.run}: {state.plan.title} on {state.plan.target.name}{mark}, {steps} steps")
        if state.plan.emergency is not None:
            self.say(emergency_words(state.plan.emergency))

    def _hand_on(self, entry: Entry) -> None:
        if self._events_to is None:
            return
        text = json.dumps({"seq": entry.seq, "at": entry.at.wall, **write_event(entry.event)})
        self._events_to.write(mask(text, self._secrets) + "\n")
        self._events_to.flush()

    def tell(self, entries: Iterable[Entry]) -> bool:
        """Print these events; True where anything was said."""
        said = False
        for entry in entries:
            self._hand_on(entry)
            text_of = sentence(entry.event, self._follower.state)
            if text_of is not None:
                self.follow_log(ended=True)
                self.say(f"{self._clock_face(entry.at)} {text_of}")
                self._tell_difference(entry.event)
                self._tell_issues(entry.event)
                said = True
        return said

    def _tell_difference(self, event: Event) -> None:
        """What is other in the plan's files than it was."""
        for change in event.files if isinstance(event, e.FilesChanged) else ():
            for text in clean(change.difference).splitlines():
                self._write(LOG_PREFIX + text)

    def _tell_issues(self, event: Event) -> None:
        """After a failure, what is known of its kind."""
        state = self._follower.state
        key: str | None = None
        if isinstance(event, e.AttemptEnded | e.AttemptInDoubt) and event.attempt in state.attempts:
            key = state.attempts[event.attempt].step
        elif isinstance(event, e.StepAttested):
            key = event.step
        if self._issues is not None and key in state.steps:
            self.say_all(issue_lines(self._issues(state, state.steps[key])))

    def _clock_face(self, at: Instant) -> str:
        return self._timezone(datetime.fromtimestamp(at.wall, UTC)).strftime("%H:%M:%S")

    def follow_log(self, *, ended: bool = False) -> bool:
        """Print what the attempts under way have written since; True where there was something.

        With `ended`, unfinished last lines of attempts that are over are printed as well.
        """
        said = False
        state = self._follower.state
        if (running := state.running) is not None and running.number not in self._tails:
            self._tails[running.number] = LogTail(self._log_path(state.run, running.number))
        for number, tail in list(self._tails.items()):
            attempt = state.attempts[number]
            over = not attempt.is_running
            if over and not ended:
                continue
            for line in tail.read(whole=over):
                self._write(LOG_PREFIX + clean_line(line[:LONGEST_LINE]))
                said = True
            if over:
                del self._tails[number]
        return said

    def last_log_lines(self, attempt: AttemptState | None, count: int) -> list[str]:
        """The last lines of an attempt's log, ready to be printed."""
        if attempt is None:
            return ["No attempt was made yet."]
        path = self._log_path(self._follower.run, attempt.number)
        return [LOG_PREFIX + line[:LONGEST_LINE] for line in last_lines(path, count)] or ["The log is empty."]

    def tell_countdowns(self, now: Instant) -> bool:
        """Print a countdown where one of its moments has come; True where one was printed."""
        state = self._follower.state
        present = countdowns(state, now) if state.phase.is_open else ()
        due = self._told_countdowns.due(present)
        outlook = rollback_outlook(state, now) if due else None
        for each in due:
            self.say(f"{self._clock_face(now)} {countdown_line(each, outlook)}")
        return bool(due)

    def tell_watch(self, now: Instant) -> bool:
        """Print how far a watch or a baseline is, where one of its moments has come."""
        if (words := self._told_watch.due(self._follower.state)) is None:
            return False
        self.say(f"{self._clock_face(now)} {words}")
        return True


class LogTail:
    """The lines added to a growing file since the last look; never more than a few screens of them."""

    def __init__(self, path: Path, *, at_end: bool = False) -> None:
        self._path = path
        self._offset = 0
        self._partial = b""
        if at_end:
            try:
                self._offset = path.stat().st_size
            except OSError:
                self._offset = 0

    def read(self, *, whole: bool = False) -> list[str]:
        """The new lines; with `whole`, an unfinished last one, too. None where the file isn't there yet."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                skipped = max(0, size - self._offset - MOST_BYTES_AT_ONCE)
                file.seek(self._offset + skipped)
                added = file.read(MOST_BYTES_AT_ONCE)
        except OSError:
            return []
        self._offset += skipped + len(added)
        lines: list[str] = []
        if skipped:
            lines.append(f"… {skipped:,} bytes are not shown here; `handrail log` has all of them")
            self._partial, (_, _, added) = b"", added.partition(b"\n")
        *complete, self._partial = (self._partial + added).split(b"\n")
        if whole and self._partial:
            complete.append(self._partial)
            self._partial = b""
        return lines + [_shown(line) for line in complete]


def _shown(line: bytes) -> str:
    """A line as a terminal would leave it: what a carriage return overwrote is gone."""
    parts = [part for part in line.split(b"\r") if part]
    return parts[-1].decode("utf-8", errors="replace") if parts else ""


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a file, read from its end."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - count * 512 - 4096))
            content = file.read()
    except OSError:
        return []
    return [_shown(line) for line in content.removesuffix(b"\n").split(b"\n")[-count:]] if content else []


class CountdownMoments:
    """When a countdown is worth a line: each minute, each ten seconds of the last, and at each stage."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, Stage, bool]] = {}

    def due(self, present: Iterable[Countdown]) -> list[Countdown]:
        """Those that have reached a moment since the last call; a new one at once."""
        found: list[Countdown] = []
        for each in present:
            foretold = each.trigger.rolls_back_at is not None
            mark = (_slot(each.to_deadline), stage_of(each), foretold)
            if self._told.get(each.trigger.number) != mark:
                self._told[each.trigger.number] = mark
                found.append(each)
        return found


class WatchMoments:
    """When the progress of a watch is worth a line: each sixth of it, and when it waits for a verdict."""

    def __init__(self) -> None:
        self._told: tuple[str, int, bool] | None = None

    def due(self, state: RunState) -> str | None:
        """What to say of the step that the engine carries out now; `None` where no moment has come."""
        step = state.waiting_step
        if step is None:
            return None
        _, share = progress(state)
        said = standing(state)
        mark = (step.key, int(share * WATCH_PARTS), "waits" in said)
        if mark == self._told:
            return None
        first, self._told = self._told is None or self._told[0] != step.key, mark
        # Its beginning has a sentence of its own.
        return None if first else f"{step.planned.title}: {said}"


def _slot(left: timedelta) -> int:
    seconds = int(left.total_seconds())
    return 1000 + seconds // 10 if 0 <= seconds <= 60 else 2000 + seconds // 60
