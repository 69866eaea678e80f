"""The target's secrets, to be masked wherever text from elsewhere is shown."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from handrail.errors import MachineFault
from handrail.project.model import Secret, Target


def secrets_of(target: Target) -> tuple[str, ...]:
    """The values of the target's secrets, with the passwords inside addresses; missing ones are left out."""
    named = [target.announce.webhook, target.announce.token] if target.announce else []
    named += [target.database.url] if target.database else []
    found: list[str] = []
    for secret in named:
        found += _values(secret) if secret is not None else []
    return tuple(dict.fromkeys(value for value in found if value))


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
