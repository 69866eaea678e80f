"""Nothing secret in what is passed around: what a report masks, and what it can't."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from handrail.text import MASK, SHORTEST_SECRET, clean, clean_line, mask

SHORTEST_LINE = 8
"""A line of a secret of several lines, such as a key's, is masked by itself from this length on."""
CUT = "…"
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>]+@")


class Masking:
    """Every text of a report goes through here, as narrators and `handrail log` mask theirs.

    Masked are the values of the target's secrets that the caller could read (`secrets_of`: the announcement's
    webhook or token, the database's address and the password in it, tokens of probes): as they are, in JSON,
    percent-encoded, each line of a long one, and what is left of one where a text was cut before `…`. User
    names and passwords inside any address go as well, and control characters are made visible. A process's
    environment, and the target's settings, are never part of a report.

    Not masked is what nobody named as a secret: a customer's address in a log, a password typed into a note,
    a value in another encoding or broken over two lines; a secret shorter than four characters; and one that
    could not be read when the report was written, which the report itself then says.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(dict.fromkeys(form for secret in secrets for form in _forms(secret)))

    def line(self, text: str) -> str:
        """The text on one line, harmless and without secrets."""
        return self._masked(clean_line(text))

    def verbatim(self, text: str) -> str:
        """The text with its spaces as they are, harmless and without secrets."""
        return self._masked(clean(text))

    def value(self, value: Any) -> Any:
        """Arguments or facts, with every text in them masked, for what would cut a text before that."""
        if isinstance(value, str):
            return self._masked(clean(value))
        if isinstance(value, dict):
            return {key: self.value(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        return value

    def _masked(self, text: str) -> str:
        text = mask(text, self._secrets)
        for secret in self._secrets if CUT in text else ():
            text = _without_beginning(text, secret)
        return _USERINFO.sub("", text)


def _forms(secret: str) -> list[str]:
    lines = [line.strip() for line in secret.splitlines()]
    forms = [secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    forms += [quote(secret, safe=""), quote(secret), clean_line(secret)]
    if len(lines) > 1:
        forms += [line for line in lines if len(line) >= SHORTEST_LINE]
    return [form for form in forms if len(form) >= SHORTEST_SECRET]


def _without_beginning(text: str, secret: str) -> str:
    """The text without a secret's beginning that stands right before a cut."""
    parts = text.split(CUT)
    for number, part in enumerate(parts[:-1]):
        for length in range(min(len(secret) - 1, len(part)), SHORTEST_SECRET - 1, -1):
            if part.endswith(secret[:length]):
                parts[number] = part[:-length] + MASK
                break
    return CUT.join(parts)
