"""`handrail sandbox fault` and `mend`: break the sandbox's running application, and heal it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from handrail.cli.sandboxes import at_option, the_sandbox
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode
from handrail.sandbox.faults.control import NAMES, NONSENSE, PROMETHEUS, WORK, Faults, words
from handrail.text import clean_line

MEGABYTE = 1_000_000


def percent(most: float) -> Callable[[str], float]:
    """Reads a number of percent, with or without its signs (`10%`, `+15%`, `0.5`), as a share."""

    def share(value: str) -> float:
        try:
            number = float(value.strip().removeprefix("+").removesuffix("%"))
        except ValueError:
            raise click.BadParameter(f"{value!r} is no number of percent, such as 10%.") from None
        if not 0 < number <= most:
            raise click.BadParameter(f"{value!r} is not above 0% and up to {most:g}%.")
        return number / 100

    return share


def path_of(value: str) -> str:
    """A path of the shop."""
    if not value.startswith("/") or len(value.split()) != 1:
        raise click.BadParameter(f"{value!r} is no path of the shop, such as /healthz.")
    return value


def route_of(value: str) -> str:
    """A path, with or without a method before it: `/checkout`, `POST /checkout`."""
    *method, path = value.split() or [""]
    if not path.startswith("/") or len(method) > 1 or not all(each.isalpha() for each in method):
        raise click.BadParameter(f"{value!r} is no route, such as /checkout or 'POST /checkout'.")
    return " ".join([*(each.upper() for each in method), path])


route_option = click.option(
    "--route", type=route_of, metavar="ROUTE", help="Only this path, or method and path."
)
also_option = click.option(
    "--also", is_flag=True, help="Beside the same fault on other routes, which would end else."
)
only_version_option = click.option(
    "--only-version", metavar="VERSION", help="Only where this release is served, such as 1.3.0."
)


@click.group()
def fault() -> None:
    """Break the application that the sandbox serves, while it runs.

    A fault begins with the next request, and ends by `handrail sandbox mend`, `reset` or `down`. Several can
    be on at once. `--only-version` breaks one release, and leaves those before it well.
    """


def _switch_on(
    here: Surroundings, folder: Path | None, name: str, *, also: bool = False, **values: Any
) -> int:
    faults = Faults(the_sandbox(here, folder).layout)
    faults.put(name, values, also=also)
    for each, active in faults.active().items():
        print(clean_line(f"On: {words(each, active)}"))
    print("To end it: handrail sandbox mend" + (f" --at {folder}" if folder else ""))
    return ExitCode.FINISHED


def _command(function: Callable[..., int]) -> click.Command:
    decorated = click.pass_obj(at_option(only_version_option(function)))
    command: click.Command = fault.command()(decorated)
    return command


@click.option(
    "--rate",
    type=percent(100),
    metavar="PERCENT",
    default="100%",
    show_default=True,
    help="How many of the requests.",
)
@click.option(
    "--route", type=route_of, metavar="ROUTE", default="/checkout", show_default=True, help="Which requests."
)
@also_option
def errors(
    here: Surroundings, folder: Path | None, only_version: str | None, also: bool, route: str, rate: float
) -> int:
    """One route fails with 500.

    It runs as usual, and fails as it answers: the application logs an ERROR line, and what it wrote into the
    database stays there.
    """
    return _switch_on(here, folder, "errors", also=also, route=route, rate=rate, only_version=only_version)


@click.option(
    "--by",
    type=percent(10_000),
    metavar="PERCENT",
    required=True,
    help="How much slower, such as 15% or 300%.",
)
@route_option
@also_option
def slow(
    here: Surroundings,
    folder: Path | None,
    only_version: str | None,
    also: bool,
    route: str | None,
    by: float,
) -> int:
    """Answers take longer by a share.

    It is a share of the time that they take now. The shop answers within a few milliseconds, and a small
    share of that is lost in the noise of the machine: switch `work` on before the baseline is taken.
    """
    return _switch_on(here, folder, "slow", also=also, route=route, factor=1 + by, only_version=only_version)


@click.option(
    "--megabytes-per-second", type=click.FloatRange(0, 50, min_open=True), default=1.0, show_default=True
)
@click.option(
    "--at-most",
    "megabytes",
    type=click.FloatRange(1, 1000),
    default=256.0,
    show_default=True,
    help="Megabytes in each process, after which it leaks no more.",
)
def leak(
    here: Surroundings,
    folder: Path | None,
    only_version: str | None,
    megabytes_per_second: float,
    megabytes: float,
) -> int:
    """Each process keeps ever more memory.

    Once mended, it gives it back.
    """
    return _switch_on(
        here,
        folder,
        "leak",
        bytes_per_second=round(megabytes_per_second * MEGABYTE),
        at_most_bytes=round(megabytes * MEGABYTE),
        only_version=only_version,
    )


@click.option(
    "--every",
    type=click.FloatRange(0.2, 3600),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long after its start, or after the fault's.",
)
def crash(here: Surroundings, folder: Path | None, only_version: str | None, every: float) -> int:
    """Each process crashes again and again.

    It ends with an error that nobody caught, and pm2 starts it anew.
    """
    return _switch_on(here, folder, "crash", every_seconds=every, only_version=only_version)


@click.option(
    "--processes",
    type=click.Choice(["all", "one"]),
    default="all",
    show_default=True,
    help="With one, pm2 gives most requests to the other process.",
)
def freeze(here: Surroundings, folder: Path | None, only_version: str | None, processes: str) -> int:
    """Processes stand still, listed as online."""
    return _switch_on(here, folder, "freeze", processes=processes, only_version=only_version)


@click.option(
    "--path", type=path_of, metavar="PATH", default="/healthz", show_default=True, help="Which path."
)
def hang(here: Surroundings, folder: Path | None, only_version: str | None, path: str) -> int:
    """One path never answers.

    The others do: a probe of this one alone is blind.
    """
    return _switch_on(here, folder, "hang", path=path, only_version=only_version)


@click.option(
    "--median", type=click.FloatRange(1, 5000), default=40.0, show_default=True, help="Milliseconds."
)
@click.option(
    "--sigma",
    type=click.FloatRange(0, 2),
    default=0.4,
    show_default=True,
    help="Of the time's logarithm: 0 is the same time for all; the larger, the heavier the tail.",
)
def work(
    here: Surroundings, folder: Path | None, only_version: str | None, median: float, sigma: float
) -> int:
    """No fault: each request works a while.

    As in a larger shop, each takes a time of its own (lognormal). `handrail sandbox mend work` ends it.
    """
    return _switch_on(here, folder, WORK, median_milliseconds=median, sigma=sigma, only_version=only_version)


for _function in (errors, slow, leak, crash, freeze, hang, work):
    _command(_function)


@fault.command(PROMETHEUS)
@click.option(
    "--answers",
    type=click.Choice(list(NONSENSE)),
    default="html",
    show_default=True,
    help="A sign-in page, half of a JSON answer, no series, an error, or nothing for an hour.",
)
@at_option
@click.pass_obj
def prometheus(here: Surroundings, folder: Path | None, answers: str) -> int:
    """Prometheus' stand-in answers nonsense.

    The application is well, and the monitor must not think otherwise.
    """
    return _switch_on(here, folder, PROMETHEUS, answers=answers)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(NAMES))
@at_option
@click.pass_obj
def mend(here: Surroundings, folder: Path | None, names: tuple[str, ...]) -> int:
    """End faults: these, or all but `work`.

    Waits until the application's processes serve again, and starts those that pm2 has given up.
    """

    def progress(line: str) -> None:
        print(clean_line(line), file=sys.stderr, flush=True)

    chosen = the_sandbox(here, folder)
    ended = chosen.mend(progress, names)
    print(f"Ended: {', '.join(ended)}." if ended else "Nothing of that was on.")
    for name, values in Faults(chosen.layout).active().items():
        print(clean_line(f"Still on: {words(name, values)}"))
    return ExitCode.FINISHED
