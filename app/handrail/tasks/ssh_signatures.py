"""SSH signatures over an approval's text, by ssh-keygen: the commands, and what their answers mean."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path

from handrail.policy.people import names_nobody
from handrail.policy.review import SIGNATURE_NAMESPACE
from handrail.tasks.commands import Command

HEADER = "-----BEGIN SSH SIGNATURE-----"
LARGEST_SIGNATURE_BYTES = 16_384
_GOOD = re.compile(r'^Good "[^"]*" signature (?:for \S+ )?with \S+ key (SHA256:\S+)$', re.MULTILINE)
_KEY = re.compile(r"^(?:ssh-|ecdsa-|sk-)[\w@.-]+$")


def _with_text(folder: Path, text: Path, *options: str) -> Command:
    # ssh-keygen reads what was signed from its standard input alone.
    return Command(
        ("sh", "-c", 'exec ssh-keygen "$@" < "$0"', str(text), *options),
        folder,
        {"LC_ALL": "C"},
        reads_only=True,
    )


def whose_key(folder: Path, text: Path, signature: Path) -> Command:
    """Ask whether the signature is over this text, and by which key; trusts every key."""
    return _with_text(folder, text, "-Y", "check-novalidate", "-n", SIGNATURE_NAMESPACE, "-s", str(signature))


def verify(folder: Path, text: Path, signature: Path, signers: Path, principal: str) -> Command:
    """Ask whether the signature is good for this principal, by the project's list of signers."""
    return _with_text(
        folder,
        text,
        *("-Y", "verify", "-f", str(signers), "-I", principal),
        *("-n", SIGNATURE_NAMESPACE, "-s", str(signature)),
    )


def fingerprint(output: str) -> str:
    """The fingerprint of the key in ssh-keygen's (or git's) answer to a good signature; empty for none."""
    match = _GOOD.search(output)
    return match[1] if match else ""


def principals_of(fingerprint_: str, signers: str) -> list[str]:
    """Everybody whom a list of allowed signers names for this key, patterns left out.

    ssh-keygen itself tells only of the first line that matches: one person may stand in several.
    """
    found = []
    for line in signers.splitlines():
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        place = next((i for i, word in enumerate(fields[1:], 1) if _KEY.match(word)), None)
        if place is None or place + 1 >= len(fields):
            continue
        try:
            key = base64.b64decode(fields[place + 1], validate=True)
        except binascii.Error:
            continue
        digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
        if f"SHA256:{digest}" == fingerprint_:
            names = fields[0].strip('"').split(",")
            found += [name for name in names if name and not names_nobody(name)]
    return list(dict.fromkeys(found))
