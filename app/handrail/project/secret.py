"""Values that are named in `handrail.toml` and never written there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, model_validator

from handrail.errors import MachineFault
from handrail.values import Frozen

if TYPE_CHECKING:
    from handrail.project.model import Target


class Secret(Frozen):
    """A value that is named here and never written here: it stands in a file or in the environment."""

    env: str | None = None
    file: Path | None = None
    value: str | None = Field(
        default=None, description="For values that are no secret, such as a test database"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.env, self.file, self.value)) != 1:
            raise ValueError("exactly one of env, file or value")
        return self

    def reveal(self) -> str:
        """The value itself. Raises `MachineFault` where its source is missing."""
        if self.value is not None:
            return self.value
        if self.env is not None:
            if found := os.environ.get(self.env):
                return found
            raise MachineFault(
                f"The environment variable {self.env}, which holds a secret of the target, isn't set.",
                next_step=f"set {self.env} in the shell that opens the run, and open it anew: a run keeps the"
                " environment that it was opened in. A secret in a file can be mended under an open run.",
            )
        source = self.file or Path()
        try:
            return source.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise MachineFault(
                f"The file {self.file}, which holds a secret of the target, can't be read: {error.strerror}.",
                next_step="correct its path in handrail.toml, or its permissions.",
            ) from error


def _secret(value: object) -> object:
    return {"value": value} if isinstance(value, str) else value


SecretValue = Annotated[Secret, BeforeValidator(_secret)]


def secrets_of(target: Target) -> tuple[str, ...]:
    """The values of the target's secrets, with the passwords inside addresses; missing ones are left out.

    They are masked wherever text from elsewhere is shown or kept.
    """
    found = [value for secret in _named(target) for value in _values(secret)]
    return tuple(dict.fromkeys(value for value in found if value))


def unread_secrets(target: Target) -> tuple[str, ...]:
    """Where those of the target's secrets stand that can't be read here, and so not be masked either."""
    found: list[str] = []
    for secret in _named(target):
        try:
            secret.reveal()
        except (MachineFault, UnicodeDecodeError):
            found.append(secret.env or str(secret.file))
    return tuple(dict.fromkeys(found))


def _named(target: Target) -> list[Secret]:
    named = [target.announce.webhook, target.announce.token] if target.announce else []
    named += [target.database.url] if target.database else []
    named += [probe.prometheus.token for probe in target.monitor.probes if probe.prometheus]
    return [secret for secret in named if secret is not None]


def _values(secret: Secret) -> list[str]:
    try:
        value = secret.reveal()
    except MachineFault:
        return []
    # A value written in handrail.toml itself is declared to be none; a password in it is still one.
    values = [] if secret.value is not None else [value]
    try:
        password = urlsplit(value).password
    except ValueError:
        password = None
    if password:
        values += [password, unquote(password)]
    return values
