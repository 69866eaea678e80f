"""Who is at the keyboard: the operating-system user at this screen."""

from __future__ import annotations

import os
import pwd
import socket
import uuid
from collections.abc import Mapping

from handrail.processes import ProcessIdentity
from handrail.run.actors import Actor


def current_actor(environment: Mapping[str, str]) -> Actor:
    """The person at this screen, by the system's own account, never by `$USER`.

    Behind sudo, the user who called it is noted beside the account, since two people who both became
    root are still two people.
    """
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid-{os.getuid()}"
    called_by = environment.get("SUDO_USER", "")
    if called_by and called_by != user:
        user = f"{called_by} (as {user})"
    return Actor(
        user=user,
        host=socket.gethostname(),
        session=uuid.uuid4().hex,
        process=ProcessIdentity.own().as_dict(),
    )


def has_ended(actor: Actor, own_host: str) -> bool:
    """Whether this actor's screen is known to be gone: its process ran here, and has ended."""
    if actor.process is None or actor.host != own_host:
        return False
    process = actor.process
    identity = ProcessIdentity(int(process["pid"]), str(process["started"]), str(process["boot_id"]))
    return not identity.is_alive()
