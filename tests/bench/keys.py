"""(b), (c) and (f): keys while a log floods, here and over a slow link, beside the same in tmux."""

from __future__ import annotations

import random
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.figures import Figure, Results, median, percentile
from bench.project import Project, program, used_by
from bench.pseudo_terminal import PseudoTerminal
from bench.relay import Link, Relay
from bench.size import FLOOD_LINES_A_SECOND, LEFT_TO_DO, MOST_FLOOD_SECONDS, PAINTED, Size
from bench.ssh_server import NoServer, SshServer
from bench.tmux_pane import NoTmux, TmuxPanes, Wrap, tailing

# A sequence in which each four neighbours come once, of letters that nothing else on the screen has.
_LETTERS = (
    b"@~^%~&&~^&%#&@&@%^&~~#%&&%%#~~#~&%#@#@~&@^@^%&#%#%%##%~^@@~%~^&^%"
    b"&%&^&&%#^^#@^&##~#^&&#@#^#&^^@@&#%@^@&~@^%%@@&&@%#^#^&~@%@@@&@~%%"
)
_WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
import tasks
from invoke import Context
tasks.flood(Context(), *sys.argv[2:])
"""


def _flood(project: Project, seconds: float) -> tuple[str, Path]:
    stop = project.folder / "stop"
    stop.unlink(missing_ok=True)
    arguments = {"lines_a_second": FLOOD_LINES_A_SECOND, "seconds": seconds, "stop": str(stop)}
    flood = {"title": "Flood", "task": "flood", "with": arguments}
    return project.open("flood", [flood, LEFT_TO_DO]), stop


def _wrap_keys(
    terminal: PseudoTerminal, count: int, pause: float, chance: random.Random, until: float
) -> list[float]:
    """Seconds from a key, which wraps the log's lines or unwraps them, until that is seen.

    Fewer than `count` where the flood ends before (`until`).
    """
    taken: list[float] = []
    for number in range(count):
        if time.perf_counter() > until:
            break
        time.sleep(pause * chance.uniform(0.5, 1.5))
        mark = terminal.mark()
        begun = time.perf_counter()
        terminal.write(b"z")
        wanted = "lines, following, wrapped" if number % 2 == 0 else "lines, following  "
        taken.append(terminal.see(wanted, mark) - begun)
    return taken


def _typed(
    terminal: PseudoTerminal, count: int, pause: float, chance: random.Random, most: float
) -> list[float]:
    """Seconds from a typed letter, which nothing else writes, until its echo; `most` where it never came."""
    taken: list[float] = []
    for number in range(count):
        time.sleep(pause * chance.uniform(0.5, 1.5))
        letter = b"@~^%"[number % 4 : number % 4 + 1]
        mark = terminal.mark()
        begun = time.perf_counter()
        terminal.write(letter)
        try:
            taken.append(terminal.expect(re.escape(letter), mark, most) - begun)
        except AssertionError:
            taken.append(most)
            break
    return taken


def _searched(
    terminal: PseudoTerminal, count: int, pause: float, chance: random.Random, until: float
) -> list[float]:
    """Seconds from a letter typed into the field of the search until it stands there: it changes little."""
    mark = terminal.mark()
    terminal.write(b"/")
    terminal.see("Plain words", mark)
    taken: list[float] = []
    for number in range(count):
        time.sleep(pause * chance.uniform(0.5, 1.5))
        if time.perf_counter() > until:
            break
        # What was typed last stands at the end of the field; no four letters of it come twice.
        letters = _LETTERS[max(number - 3, 0) : number + 1]
        mark = terminal.mark()
        begun = time.perf_counter()
        terminal.write(letters[-1:])
        taken.append(terminal.see(re.escape(letters.decode()), mark) - begun)
    mark = terminal.mark()
    terminal.write(b"\x1b")
    terminal.see("Errors", mark)
    return taken


def under_flood(project: Project, results: Results, size: Size) -> None:
    """(b), (c) Keys, bytes and processor time while 100,000 lines a second arrive."""
    pause = 0.08
    seconds = min(size.keys * pause * 1.6 + 10, MOST_FLOOD_SECONDS)
    run, stop = _flood(project, seconds)
    chance = random.Random(1)
    in_tmux: list[float] = []
    try:
        with project.screen(run) as terminal:
            terminal.see(PAINTED)
            terminal.write(b"\r")
            terminal.see("lines, following")
            flood_ends = time.perf_counter() + seconds - 3
            terminal.write(b"l")
            terminal.see("Search")
            process = program(terminal.process)
            before, used = terminal.mark(), used_by(process)
            begun = time.perf_counter()
            half = time.perf_counter() + (flood_ends - time.perf_counter()) / 2
            typed = _searched(terminal, size.keys, pause, chance, half)
            taken = _wrap_keys(terminal, size.keys, pause, chance, flood_ends)
            took = time.perf_counter() - begun
            written, used = (terminal.mark() - before) / took, (used_by(process) - used) / took
        stop.touch()
        in_tmux = _keys_in_tmux(project, run, size.keys, pause, chance, results, "b")
    finally:
        stop.touch()
        project.end(run)
    tmux = {"peer": "tmux pane", "peer_value": median(in_tmux) * 1000} if in_tmux else {}
    results.figures += [
        *_key_figures("b", "under the flood", typed, taken, 50, None, tmux),
        Figure("c", "under the flood and keys, to the terminal", written / 1024, "KiB/s", at_most=64),
        Figure("c", "under the flood and keys, processor", used * 100, "%"),
    ]


def _key_figures(
    part: str,
    where: str,
    typed: Sequence[float],
    wrapped: Sequence[float],
    p99: float,
    p50: float | None,
    tmux: Mapping[str, Any],
) -> list[Figure]:
    """A key that changes a letter, beside the same in tmux, and one that repaints the whole log."""
    found: list[Figure] = []
    for what, taken, peer in (("a letter", typed, tmux), ("all of the log", wrapped, {})):
        name, count = f"{where}: key to paint, {what}", f"{len(taken)} keys"
        middle, most = median(taken) * 1000, percentile(taken, 0.99) * 1000
        found.append(Figure(part, f"{name}, p50", middle, "ms", at_most=p50, note=count, **peer))
        found.append(Figure(part, f"{name}, p99", most, "ms", at_most=p99, note=count))
    return found


def _keys_in_tmux(
    project: Project,
    run: str,
    keys: int,
    pause: float,
    chance: random.Random,
    results: Results,
    part: str,
    *,
    wrap: Wrap | None = None,
    most: float = 10.0,
) -> list[float]:
    """The same flood, tailed in one pane, while letters are typed into another one."""
    log = project.folder / "tailed"
    log.write_bytes(b"")
    writer = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            _WRITER,
            *(
                str(project.folder),
                str(FLOOD_LINES_A_SECOND),
                str(MOST_FLOOD_SECONDS),
                str(project.folder / "halt"),
            ),
        ],
        stdout=log.open("wb"),
        cwd=project.folder,
    )
    try:
        with TmuxPanes(project, tailing(log), typing=True, wrap=wrap) as panes:
            panes.terminal.expect(rb"compiled", 0, 20)
            return _typed(panes.terminal, keys, pause, chance, most)
    except NoTmux as why:
        results.skipped.append(f"({part}) keys in a tmux pane: {why}")
        return []
    except AssertionError:
        return [most]
    finally:
        writer.kill()
        writer.wait()
        log.unlink()


def slow_links(project: Project, results: Results, size: Size) -> None:
    """(f) Keys while 100,000 lines a second arrive, over sshd behind a slow link."""
    try:
        with SshServer(project.folder / "ssh") as server:
            for link, within in size.links:
                with Relay(link, server.port) as relay:
                    _over_link(
                        project, results, size, link, within, lambda line: server.command(relay.port, line)
                    )
    except NoServer as why:
        results.skipped.append(f"(f) over a slow link: {why}")


def _over_link(
    project: Project,
    results: Results,
    size: Size,
    link: Link,
    within: float,
    there: Callable[[str], Sequence[str]],
) -> None:
    chance = random.Random(2)
    run, stop = _flood(project, MOST_FLOOD_SECONDS)
    trip = link.round_trip_seconds * 1000
    try:
        with ExitStack() as stack:
            settings = [f"{name}={value}" for name, value in project.environment.items()]
            words = shlex.join(["env", *settings, *project.command("attach", run)])
            line = f"cd {shlex.quote(str(project.folder))} && exec {words}"
            terminal = stack.enter_context(
                PseudoTerminal(there(line), environment=project.environment, folder=project.folder)
            )
            terminal.see(PAINTED, seconds=60)
            terminal.write(b"l")
            terminal.see("Search")
            terminal.write(b"\r")
            terminal.see("lines, following", seconds=60)
            flood_ends = time.perf_counter() + MOST_FLOOD_SECONDS - 4
            time.sleep(1)
            before, begun = terminal.mark(), time.perf_counter()
            half = time.perf_counter() + (flood_ends - time.perf_counter()) / 2
            typed = _searched(terminal, size.slow_keys, 0.35, chance, half)
            taken = _wrap_keys(terminal, size.slow_keys, 0.35, chance, flood_ends)
            written = (terminal.mark() - before) / (time.perf_counter() - begun)
    finally:
        stop.touch()
        project.end(run)
    most = size.patience
    in_tmux = _keys_in_tmux(
        project, run, min(size.slow_keys, 5), 0.55, chance, results, "f", wrap=there, most=most
    )
    tmux: dict[str, object] = {}
    if in_tmux:
        over = " (at least)" if max(in_tmux) >= most else ""
        tmux = {"peer": f"tmux pane{over}", "peer_value": median(in_tmux) * 1000}
    results.figures += [
        *_key_figures("f", link.words, typed, taken, trip + within, trip + 50, tmux),
        Figure("f", f"{link.words}: to the terminal", written / 1024, "KiB/s"),
    ]  # fmt: skip
