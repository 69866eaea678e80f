"""Who is at the keyboard."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping


def accounts(environment: Mapping[str, str]) -> list[str]:
    """The accounts of who is at the keyboard: this one, and behind sudo the one that called it."""
    try:
        own = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        own = f"uid-{os.getuid()}"
    return list(dict.fromkeys(name for name in (own, environment.get("SUDO_USER", "")) if name))
