"""Measures the real sampler process on probes of a realistic mix, against servers on this machine.

20 pages, 10 logs, 10 queries of Prometheus, 9 looks at the machine and one at pm2, each once a second. What
counts is the processor time of the sampler's own process, its programs (pm2, psql, tasks) apart. The budget
is 2 % of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from handrail.probes.spec import SamplerSpec
from handrail.project.model import Target
from handrail.project.signals import signals_of
from handrail.signals.window import SignalWindow

BUDGET_PERCENT = 2.0
WARM_UP_SECONDS = 4.0
LONGEST_SECONDS = 300
PAGE = b"<html><body>Web shop" + b" and more of it" * 300 + b"</body></html>"
VALUE = (
    b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"42"]}]}}'
)
LINES_A_SECOND = 20


def serve(ready: Connection) -> None:
    """Answer pages and queries until the process is ended."""
    asyncio.run(_serve(ready))


async def _serve(ready: Connection) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        query = b"/api/v1/" in head
        body, kind = (VALUE, b"application/json") if query else (PAGE, b"text/html; charset=utf-8")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
            b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: bench\r\nCache-Control: no-store\r\n"
            b"Connection: close\r\n\r\n%s" % (kind, len(body), body)
        )
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def the_target(folder: Path, port: int) -> Target:
    """A target with fifty probes."""
    address = f"http://127.0.0.1:{port}"
    entries = [
        {
            "name": f"shop-{number}",
            "pm_id": number,
            "pid": number + 1,
            "monit": {"memory": 1, "cpu": 1},
            "pm2_env": {"status": "online", "env": {f"VARIABLE_{i}": "x" * 40 for i in range(60)}},
        }
        for number in range(2)
    ]
    listed, program = folder / "list.json", folder / "pm2"
    listed.write_text(json.dumps(entries))
    program.write_text(f"#!/bin/sh\nexec cat {listed}\n")
    program.chmod(0o700)
    probes: list[dict[str, Any]] = [
        {"name": f"page {n}", "http": {"path": f"/page/{n}", "expect_text": "Web shop"}} for n in range(20)
    ]
    probes += [{"name": f"log {n}", "log": {"paths": [str(folder / f"{n}.log")]}} for n in range(10)]
    probes += [
        {"name": f"query {n}", "prometheus": {"address": address, "query": f"sum(metric_{n})"}}
        for n in range(10)
    ]
    probes += [{"name": f"machine {n}", "host": {}} for n in range(9)]
    probes.append({"name": "processes", "pm2": {}})
    return Target.model_validate(
        {
            "url": address,
            "checkout": str(folder),
            "pm2": {"program": [str(program)]},
            "monitor": {"every": "1s", "window": "5s", "probes": probes},
        }
    )


def write_logs(folder: Path, stopping: threading.Event) -> None:
    """Let every log grow, with an error now and then."""
    files = [(folder / f"{number}.log").open("a", buffering=1) for number in range(10)]
    turn = 0
    while not stopping.wait(0.5):
        turn += 1
        for file in files:
            for line in range(LINES_A_SECOND // 2):
                file.write(
                    f"2026-01-01T00:00:00Z info request {turn}.{line} took 12 ms, status 200, user 17\n"
                )
            if turn % 20 == 0:
                file.write("2026-01-01T00:00:00Z Error: a connection was lost\n")
    for file in files:
        file.close()


def measure(seconds: float) -> dict[str, Any]:
    """The sampler's share of one core over `seconds`, and how many samples it took meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
        server.start()
        target = the_target(folder, ours.recv())
        stopping = threading.Event()
        writer = threading.Thread(target=write_logs, args=(folder, stopping))
        writer.start()
        spec = SamplerSpec(target.model_dump(mode="json", by_alias=True), 5.0)
        sampler = subprocess.Popen(
            [sys.executable, "-P", "-m", "handrail.probes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert sampler.stdin is not None  # noqa: S101  (pipes were asked for)
        assert sampler.stdout is not None  # noqa: S101
        windows: list[SignalWindow] = []
        reading = threading.Thread(
            target=lambda: windows.extend(map(SignalWindow.model_validate_json, sampler.stdout)),  # type: ignore[arg-type]
        )
        try:
            sampler.stdin.write(spec.as_line())
            sampler.stdin.flush()
            reading.start()
            process = psutil.Process(sampler.pid)
            time.sleep(WARM_UP_SECONDS)
            before, began = process.cpu_times(), time.monotonic()
            time.sleep(seconds)
            after, ended = process.cpu_times(), time.monotonic()
            memory, threads = process.memory_info().rss, process.num_threads()
        finally:
            sampler.stdin.close()
            sampler.wait(30)
            reading.join(30)
            stopping.set()
            writer.join(30)
            server.terminate()
            server.join(30)
    spent = (after.user - before.user) + (after.system - before.system)
    tallies = [tally for window in windows for tally in window.tallies.values()]
    return {
        "cpu_percent": round(100 * spent / (ended - began), 2),
        "cpu_user_seconds": round(after.user - before.user, 2),
        "cpu_system_seconds": round(after.system - before.system, 2),
        "budget_percent": BUDGET_PERCENT,
        "seconds": round(ended - began, 1),
        "probes": len(target.monitor.probes),
        "signals": len({signal.name for signal in signals_of(target)}),
        "windows": len(windows),
        "known_samples": sum(tally.n for tally in tallies),
        "unknown_samples": sum(tally.unknown for tally in tallies),
        "memory_mb": round(memory / 1024 / 1024, 1),
        "threads": threads,
    }


def main() -> int:
    """Measure, print, and fail where it costs more than the budget."""
    parser = argparse.ArgumentParser(prog="scripts/bench-probes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to measure (at most 300)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(min(max(arguments.seconds, 1.0), LONGEST_SECONDS))
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        print(
            f"{found['probes']} probes at one a second: {found['cpu_percent']} % of one core"
            f" (budget {BUDGET_PERCENT:g} %), over {found['seconds']} s\n"
            f"{found['known_samples']} samples known and {found['unknown_samples']} unknown in"
            f" {found['windows']} windows; {found['memory_mb']} MB, {found['threads']} threads"
        )
    return 0 if found["cpu_percent"] <= BUDGET_PERCENT and found["known_samples"] else 1


if __name__ == "__main__":
    sys.exit(main())
