"""A sandbox that several runs watch at once, each a target of its own, while visitors come and routes break.

A fault on one route leaves the others as they were: so many faults are on at the same time, and what each run
says of the routes that it watches is its own.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from handrail.cli.actors import current_actor
from handrail.cli.main import main
from handrail.cli.opening import RunOpening
from handrail.clock import Instant, SystemClock
from handrail.engine.launch import engine_alive, ensure_engine
from handrail.errors import ExitCode
from handrail.journal.session import RunSession
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.processes import ProcessIdentity
from handrail.project.loader import load
from handrail.run import commands as c
from handrail.run.commands import OperatorCommand
from handrail.run.state import RunState, StepStatus, TriggerState
from handrail.sandbox.lifecycle import Sandbox
from handrail.sandbox.record import Record
from waiting import wait_for

CLOCK = SystemClock()
Found = TypeVar("Found")
STEP_SECONDS = 90.0
ANSWER_SECONDS = 15.0
BASELINE, TASK, WATCH = "watch/what-is-usual", "watch/release", "watch/watch"


@dataclass(frozen=True)
class Route:
    """One thing that visitors ask for, so many times a second."""

    method: str
    path: str
    per_second: float
    form: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Visitors:
    """Visitors who ask for routes at random moments, in a thread of their own, a new connection each."""

    def __init__(self, port: int, routes: Iterable[Route], seed: int = 4) -> None:
        self._port = port
        self._routes = tuple(routes)
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._come()), name="visitors")
        self.answers: dict[str, int] = {}

    def start(self) -> None:
        """Let them come."""
        self._thread.start()

    def stop(self) -> None:
        """Let nobody else come, and wait for those who are there."""
        self._stopping.set()
        self._thread.join(30)

    async def _come(self) -> None:
        visits: set[asyncio.Task[None]] = set()
        rates = [route.per_second for route in self._routes]
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._stopping.is_set():
            # On a loaded machine those who are late come at once, so that the rate is as it was asked for.
            due = max(due + self._random.expovariate(sum(rates)), loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))
            [route] = self._random.choices(self._routes, rates)
            visit = asyncio.create_task(self._visit(route))
            visits.add(visit)
            visit.add_done_callback(visits.discard)
        await asyncio.gather(*visits, return_exceptions=True)

    async def _visit(self, route: Route) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    body = urllib.parse.urlencode(route.form).encode()
                    lines = [
                        f"{route.method} {route.path} HTTP/1.1",
                        "Host: 127.0.0.1",
                        "Connection: close",
                        "User-Agent: visitor",
                    ]
                    if body:
                        lines += ["Content-Type: application/x-www-form-urlencoded"]
                        lines += [f"Content-Length: {len(body)}"]
                    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                    await reader.read()
                finally:
                    writer.close()
        self.answers[str(route)] = self.answers.get(str(route), 0) + 1


def _toml(value: object) -> str:
    return json.dumps(value if isinstance(value, list | dict) else str(value), ensure_ascii=False)


@dataclass(frozen=True)
class Watching:
    """What one target watches, and by which runbook; `NAME` in its lines is the target's name."""

    probes: tuple[str, ...]
    target: str = ""
    runbook: str = "watch"


def requests(log: Path, route: Route) -> str:
    """A probe of the access log: the requests of one route alone."""
    others = f'^(?!.*"method": "{route.method}", "path": "{route.path}")'
    return f"""\
name = {_toml(route)}
required = true
[targets.NAME.monitor.probes.access_log]
path = {_toml(log)}
format = "json"
fields = {{ status = "status", time = "milliseconds", upstream = "upstream" }}
time_unit = "ms"
ignore = ['{others}']"""


def page(name: str, path: str, *, status: int = 200, past_maintenance: bool = False) -> str:
    """A probe that asks for a page."""
    past = str(past_maintenance).lower()
    return f"""\
name = "{name}"
http = {{ path = "{path}", expect_status = {status}, past_maintenance = {past} }}"""


def watch_runbook(script: str, block: str) -> str:
    """A deployment of one step, which runs a script, between its baseline and its watch."""
    return f"""\
# Watch the shop
## Watch
### What is usual
```yaml step
baseline: {{for: "${{target.monitor.baseline}}"}}
```
### Release
```bash
{script}
```
```yaml step
{block}
```
### Watch
```yaml step
watch: {{for: "${{target.monitor.duration}}"}}
```
"""


def back_runbook(script: str) -> str:
    """The way back to the release before, by another script."""
    return f"""\
# Back to the release before
## Back
### Serve the release before
```bash
{script}
```
```yaml step
undo: {{nothing: "it is the release before"}}
estimate: 60s
```
"""


def serving(sandbox: Sandbox, tag: str) -> str:
    """A script by which the sandbox serves a release."""
    layout = sandbox.layout
    return f"""\
git checkout --quiet --detach {tag}
BUILD_PACE_MS=0 npm run build
export PM2_HOME={layout.pm2_home}
{layout.pm2} startOrReload ecosystem.config.cjs --update-env --silent"""


class WatchedRun:
    """One run of a watched shop, by its journal; `session` is the hand of its operator."""

    def __init__(self, folder: StateFolder, session: RunSession) -> None:
        self.folder = folder
        self.session = session
        self.id = session.run

    @property
    def state(self) -> RunState:
        """The run as it stands."""
        self.session.poll()
        return self.session.state

    def wait(self, condition: Callable[[RunState], Found], what: str, seconds: float = STEP_SECONDS) -> Found:
        """The first true answer to a condition on the run's state."""
        try:
            return wait_for(lambda: condition(self.state), f"{what} ({self.id})", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told()}") from None

    def told(self) -> str:
        """What the run says of itself, for the message of a test that fails."""
        state = self.state
        lines = [f"{self.id}: {state.phase.value}"]
        lines += [f"  {key}: {step.status.value} {step.why}" for key, step in state.steps.items()]
        lines += [
            f"  trigger {each.number} {each.trigger_class}: {each.because}"
            for each in state.triggers.values()
        ]
        lines += [
            f"  {each.signal}: {each.verdict.value}: {each.because}"
            for each in state.watch.judgements.values()
        ]
        return "\n".join(lines)

    def do(self, command: OperatorCommand) -> None:
        """Send a command, and see that the engine takes it."""
        self.session.send(command)
        wait_for(lambda: (self.session.poll(), not self.session.waits_for_answer)[1], "an answer")
        answer = self.session.answers[-1]
        assert answer.accepted, answer.reason

    def start(self, step: str) -> None:
        """Start a step."""
        self.do(c.StartStep(step=step))

    def passes(self, step: str, seconds: float = STEP_SECONDS) -> None:
        """Wait until a step has passed."""
        self.wait(lambda state: state.steps[step].status is StepStatus.PASSED, f"the end of {step}", seconds)

    def trigger(self, signal: str, seconds: float = STEP_SECONDS) -> TriggerState:
        """Wait for the trigger that a signal raises."""

        def raised(state: RunState) -> TriggerState | None:
            return next((each for each in state.triggers.values() if each.signal == signal), None)

        return self.wait(raised, f"a trigger of {signal}", seconds)

    def engine(self) -> ProcessIdentity:
        """The process that is the run's engine."""

        def found() -> ProcessIdentity | None:
            for process in psutil.process_iter(["cmdline"]):
                words = process.info["cmdline"] or []
                if "handrail.engine" in words and self.id in words:
                    return ProcessIdentity.of(process.pid)
            return None

        return wait_for(found, f"the engine of {self.id}")

    def sampler(self) -> ProcessIdentity:
        """The process that samples for the run's engine."""
        engine = psutil.Process(self.engine().pid)

        def found() -> ProcessIdentity | None:
            for child in engine.children():
                with suppress(psutil.NoSuchProcess):
                    if "handrail.probes" in child.cmdline():
                        return ProcessIdentity.of(child.pid)
            return None

        return wait_for(found, f"the sampler of {self.id}")

    def restart_engine(self) -> None:
        """Have a new engine drive the run, as whoever attaches to it would."""
        assert ensure_engine(self.folder, self.id)


class WatchedShop:
    """A sandbox's shop with visitors, work and faults, and the runs that watch it."""

    def __init__(self, sandbox: Sandbox, folder: Path, routes: Sequence[Route]) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.state_folder = StateFolder(folder / "state").create()
        self.environment: dict[str, str] = {}
        record = Record.read(sandbox.layout.record)
        assert record is not None
        self.record = record
        self.log = sandbox.layout.served.access_log
        self.visitors = Visitors(record.ports["public"], routes)
        self.journal = SqliteJournal(self.state_folder.journal)
        self.runs: list[WatchedRun] = []

    def write_project(self, targets: Mapping[str, Watching], *, baseline_seconds: int) -> None:
        """Write a project whose targets are this one shop, each watched in its own way."""
        layout = self.sandbox.layout
        shop = load(self.sandbox.project_file).targets["production"]
        parts = ['name = "watched shop"']
        for name, watching in targets.items():
            parts.append(
                f"""\
[targets.{name}]
checkout = {_toml(layout.production)}
url = {_toml(shop.url)}
app_url = {_toml(shop.app_url)}
path = {_toml([str(each) for each in shop.path])}
{watching.target.replace("NAME", name)}
[targets.{name}.announce]
webhook = {_toml(shop.announce.webhook.reveal() if shop.announce else "")}
[targets.{name}.pm2]
home = {_toml(layout.pm2_home)}
program = {_toml([str(each) for each in shop.pm2.program])}
names = ["shop"]
[targets.{name}.monitor]
duration = "30m"
every = "1s"
baseline = "{baseline_seconds}s"
"""
            )
            for probe in watching.probes:
                parts.append(f"[[targets.{name}.monitor.probes]]\n{probe.replace('NAME', name)}")
        (self.folder / "handrail.toml").write_text("\n".join(parts) + "\n", encoding="utf-8")
        runbooks = self.folder / "runbooks"
        runbooks.mkdir(exist_ok=True)
        nothing = 'undo: {task: shell.fence, with: {script: "echo nothing to take back"}, estimate: 20s}'
        for name, text in {
            "watch": watch_runbook("echo nothing is changed", nothing),
            "release": watch_runbook(serving(self.sandbox, "v1.3.1"), "undo: {runbook: back}\nestimate: 20s"),
            "back": back_runbook(serving(self.sandbox, "v1.2.3")),
        }.items():
            (runbooks / f"{name}.md").write_text(text, encoding="utf-8")
        self.targets = dict(targets)

    def open(self, target: str) -> WatchedRun:
        """Open a run against a target; sampling begins with it."""
        project = load(self.folder / "handrail.toml")
        runbook = self.targets[target].runbook
        opening = RunOpening(project, runbook=runbook, target=target, given={})
        opening.use(self.state_folder, self.journal, current_actor(self.environment), CLOCK)
        run = WatchedRun(self.state_folder, opening.open({}))
        self.runs.append(run)
        return run

    def fault(self, *words: str) -> Instant:
        """Break something, and say when that began."""
        now = CLOCK.now()
        at = ["--at", str(self.sandbox.layout.root)]
        assert main(["sandbox", "fault", *words, *at]) == ExitCode.FINISHED
        return now

    def mend(self, *names: str) -> None:
        """End faults."""
        at = ["--at", str(self.sandbox.layout.root)]
        assert main(["sandbox", "mend", *names, *at]) == ExitCode.FINISHED

    def posts(self) -> list[dict[str, Any]]:
        """What was posted to the team's channel."""
        path = self.sandbox.layout.posts
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def end(self) -> None:
        """End the faults, the runs with their engines, and the visitors."""
        with suppress(AssertionError):
            self.mend()
            self.mend("work")
        self.visitors.stop()
        for run in self.runs:
            with suppress(AssertionError):
                if run.state.phase.is_open:
                    if not engine_alive(self.state_folder, run.id):
                        run.restart_engine()
                    run.do(c.AbortRun(reason="the test is over"))
        for run in self.runs:
            with suppress(AssertionError):
                wait_for(lambda run=run: not engine_alive(self.state_folder, run.id), f"the end of {run.id}")
                continue
            run.engine().signal(signal.SIGKILL)
        self.journal.close()
