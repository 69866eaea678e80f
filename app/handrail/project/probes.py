"""What `handrail.toml` can say of the probes that sample a target: one table for each thing looked at."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from handrail.project.addresses import host_of, refusal_of_host
from handrail.project.secret import Secret
from handrail.project.visibility import PagePath
from handrail.values import Arguments, Duration, Frozen, TaskName

MOST_PROBES = 100
KINDS = ("http", "flow", "access_log", "log", "prometheus", "sql", "task", "pm2", "host")
"""The keys of which each probe has exactly one."""


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from error
    return value


Pattern = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_pattern)]


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]+\]?", value):
        raise ValueError("a host's name or address, without scheme, port and path")
    if refused := refusal_of_host(value):
        raise ValueError(f"a host that may be asked: {refused}")
    return value


HostName = Annotated[str, Field(max_length=253), AfterValidator(_host)]


def _prometheus_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        plain = parts.port != 0 and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        plain = False
    if not plain or parts.scheme not in ("http", "https") or not host_of(value):
        raise ValueError("Prometheus' address by http:// or https://, without a password in it")
    if refused := refusal_of_host(host_of(value)):
        raise ValueError(f"an address that may be asked: {refused}")
    return value


class HttpProbe(Frozen):
    """A page, asked through the public address, or (`past_maintenance`) at `app_url`.

    A status other than `expect_status`, or an answer without `expect_text`, is bad. With https, the days for
    which the certificate is still good are a signal, too.
    """

    path: PagePath = "/"
    expect_status: int = Field(default=200, ge=100, le=599)
    expect_text: str | None = Field(default=None, min_length=1)
    past_maintenance: bool = False
    certificate_days: float = Field(default=14, ge=0, description="With fewer days left, it is bad")


class AccessLogProbe(Frozen):
    """The requests that a web server writes down, one a line.

    `combined` is the common format, too. `time_field` counts, from 1, the blank-separated fields that follow
    it, such as nginx' `$request_time`; `time_unit` is the unit of a request's time in either format. `fields`
    names the keys of JSON lines: `status`, `time`, and `upstream`, which is empty where the web server
    answered by itself. `ignore` are regular expressions of lines that don't count.
    """

    path: Path
    format: Literal["combined", "json"] = "combined"
    time_field: int | None = Field(default=None, ge=1, le=50)
    time_unit: Literal["s", "ms", "us"] = "s"
    fields: dict[Literal["status", "time", "upstream"], str] = Field(default_factory=dict)
    ignore: tuple[Pattern, ...] = ()

    @model_validator(mode="after")
    def _fits_its_format(self) -> Self:
        if self.format == "json" and self.time_field is not None:
            raise ValueError('time_field with format = "combined" alone; JSON lines have fields = {time = …}')
        if self.format == "combined" and self.fields:
            raise ValueError('fields with format = "json" alone')
        return self


class LogProbe(Frozen):
    """The lines of log files in which one of `patterns` is found, in any case.

    Without `paths`, the logs that pm2 writes for the application's processes; without `patterns`, those of
    the smoke test. Lines that match one of `ignore` don't count.
    """

    paths: tuple[Path, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    ignore: tuple[Pattern, ...] = ()


class PrometheusProbe(Frozen):
    """A query of Prometheus' HTTP API that gives one value; several series, or none, are unknown.

    As a `level` it is the value; as `latency` a time in `unit`; as `count` a counter, of which the increase
    since the look before counts; of `outcomes`, anything above 0 is bad. With `step`, a look asks for all
    values since the look before, so far apart, by one range query: a slow pace then misses nothing.
    """

    address: Annotated[str, AfterValidator(_prometheus_address)]
    query: str = Field(min_length=1, max_length=4000)
    kind: Literal["level", "latency", "count", "outcomes"] = "level"
    unit: str = Field(default="", max_length=20)
    token: Secret | None = None
    step: Duration | None = Field(default=None, description="Asks for all values since the look before")

    @model_validator(mode="after")
    def _knows_its_unit(self) -> Self:
        if self.step is not None and self.step < timedelta(seconds=1):
            raise ValueError("a step of 1s at least")
        if self.kind == "latency" and self.unit not in ("", "s", "ms", "us"):
            raise ValueError('a latency\'s unit: "s" (the default), "ms" or "us"')
        if self.token is not None and self.token.value is not None:
            raise ValueError("a token that stands elsewhere: token = {env = …} or {file = …}")
        return self


class SqlProbe(Frozen):
    """A query of the target's database that gives one number, in a transaction that only reads."""

    query: str = Field(min_length=1, max_length=4000)
    unit: str = Field(default="", max_length=20)


class TaskProbe(Frozen):
    """Any task that only looks: its verdict, or one `fact` of it as a level.

    It runs as it would in a runbook, in a process of its own.
    """

    name: TaskName
    arguments: Arguments = Field(alias="with")
    fact: str | None = None
    unit: str = Field(default="", max_length=20)


class Pm2Probe(Frozen):
    """The target's processes as pm2 lists them; bounds of what all of them use together."""

    memory_above: float | None = Field(default=None, gt=0, description="In bytes")
    cpu_above: float | None = Field(default=None, gt=0, description="In percent of one core")


class HostProbe(Frozen):
    """This machine. `disk` is the folder whose file system is looked at: the checkout's by default."""

    disk: Path | None = None
    cpu_above: float | None = Field(default=None, gt=0, le=100)
    memory_above: float | None = Field(default=None, gt=0, le=100)
    disk_free_below: float = Field(default=5, ge=0, le=100, description="In percent")


QUICK_SECONDS = 5.0
TIMEOUT_SECONDS = {"flow": 10.0, "sql": 10.0, "pm2": 10.0, "task": 30.0}


class Probe(Frozen):
    """One thing that is looked at again and again, by exactly one of `KINDS`.

    `every` is the monitor's own by default. A look that takes longer than `timeout` is ended. `above` and
    `below` are fixed bounds of a probe that gives a level. The silence of what is `required` holds the watch:
    that is so by default of all but access logs, which are silent wherever nobody asks for a page.
    """

    name: str = Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f]$")
    http: HttpProbe | None = None
    flow: str | None = None
    access_log: AccessLogProbe | None = None
    log: LogProbe | None = None
    prometheus: PrometheusProbe | None = None
    sql: SqlProbe | None = None
    task: TaskProbe | None = None
    pm2: Pm2Probe | None = None
    host: HostProbe | None = None
    every: Duration | None = None
    timeout: Duration | None = None
    required: bool | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        named = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(named) != 1:
            raise ValueError(f"exactly one of {', '.join(KINDS)}")
        if (self.above is not None or self.below is not None) and not self.gives_a_level:
            raise ValueError("above and below only for one level: sql, prometheus, or a task's fact")
        # A window waits for the pages that were asked for in it.
        longest = 30 if self.http or self.flow is not None else 300
        for duration, name, most in ((self.every, "every", 3600), (self.timeout, "timeout", longest)):
            if duration is not None and not 1 <= duration.total_seconds() <= most:
                raise ValueError(f"{name} from 1s to {most}s")
        return self

    @property
    def kind(self) -> str:
        """Which of `KINDS` it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def gives_a_level(self) -> bool:
        """Whether its one signal is a level, so that it can have bounds."""
        if self.prometheus is not None:
            return self.prometheus.kind == "level"
        return self.sql is not None or (self.task is not None and self.task.fact is not None)

    @property
    def is_required(self) -> bool:
        """Whether its silence holds the watch."""
        return self.access_log is None if self.required is None else self.required

    @property
    def timeout_seconds(self) -> float:
        """How long one look may take."""
        if self.timeout is not None:
            return self.timeout.total_seconds()
        return TIMEOUT_SECONDS.get(self.kind, QUICK_SECONDS)
