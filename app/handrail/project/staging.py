"""What `handrail.toml` can say of staging: how it mirrors production, what is tried there, and for how long.

The source of the rules is deployment-workflow.md, "Staging Environment Testing".
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from handrail.values import Duration, Frozen

Scenario = Literal["mirrors production", "happy path", "error handling", "load", "rollback"]
SCENARIOS: tuple[Scenario, ...] = ("mirrors production", "happy path", "error handling", "load", "rollback")


class SetAside(Frozen):
    """A rule of the checklist that a target can do without, by `enabled = false` and the `reason` for it.

    The reason is shown wherever the rule would have held a run back.
    """

    enabled: bool = True
    reason: str = ""

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if not self.enabled and not self.reason.strip():
            raise ValueError('the reason beside `enabled = false`: reason = "…"')
        return self


class StagingRule(SetAside):
    """In a production target: where a commit must have been, for how long, and what it must have passed."""

    target: str = "staging"
    soak: Duration = Field(default="24h", validate_default=True)
    scenarios: tuple[Scenario, ...] = SCENARIOS


class Mirror(Frozen):
    """In a staging target: what it mirrors, and which differences are accepted, each with its reason.

    `settings` are files of environment variables in both checkouts. `anonymised` names columns as
    TABLE.COLUMN. `ratio` is the least share of production's rows that each table must have, and the least
    share that production's may be of staging's; a difference of up to `slack` rows is never counted.
    """

    of: str = "production"
    settings: tuple[str, ...] = (".env",)
    credentials: tuple[str, ...] = ()
    anonymised: tuple[str, ...] = ()
    ratio: float = Field(default=0.1, gt=0, le=1)
    slack: int = Field(default=50, ge=0)
    accepted: dict[str, str] = Field(default_factory=dict)


class ErrorCase(Frozen):
    """A request that the application must refuse: with one of `expect`, or any status from 400 to 499.

    `body_bytes` sends a body of that size.
    """

    name: str
    path: str
    method: str = "POST"
    form: dict[str, str] = Field(default_factory=dict)
    body_bytes: int = Field(default=0, ge=0, le=16 * 1024 * 1024)
    expect: tuple[int, ...] = ()
    expect_text: str | None = None


class Load(Frozen):
    """How load is put on the application, and what it must bear.

    The rate is `factor` times `expected_per_second`, which is measured as the busiest minute of
    `access_log` (a JSON line with `at` for each request) where it isn't given. `program` is autocannon.
    """

    program: tuple[str, ...] = ("autocannon",)
    paths: tuple[str, ...] = ("/",)
    expected_per_second: float | None = Field(default=None, gt=0)
    access_log: Path | None = None
    factor: float = Field(default=2.0, ge=1)
    duration: Duration = Field(default="30s", validate_default=True)
    connections: int = Field(default=10, ge=1, le=200)
    most_failed: float = Field(default=0.01, ge=0, lt=1, description="Share of requests that may fail")
    median_ms: float = Field(default=250, gt=0)
    p99_ms: float = Field(default=1000, gt=0)


class Scenarios(Frozen):
    """What is tried on staging beside the user flows of `smoke`."""

    errors: tuple[ErrorCase, ...] = ()
    load: Load = Field(default_factory=Load)
