"""The colleague whom the sandbox plays: reviews its releases, and signs with an SSH key of their own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from handrail.errors import MachineFault
from handrail.sandbox.commands import Commands
from handrail.sandbox.layout import Layout

NAME = "Web shop reviewer"
EMAIL = "reviewer@shop.invalid"
# git signs with SSH keys from this version on.
OLDEST_GIT = (2, 34)


class Reviewer:
    """A key for signing, and the list that names it; none of it where this machine can't sign."""

    def __init__(self, layout: Layout, commands: Commands, git: Path, environment: Mapping[str, str]) -> None:
        self._layout = layout
        self._commands = commands
        self._git = git
        self._environment = dict(environment)

    @property
    def signs(self) -> bool:
        """Whether there is a key, with which the releases were signed."""
        return self._layout.reviewer_key.exists()

    def make_key(self) -> None:
        """Make the key where it is missing; where nothing can be signed here, say so and go on without."""
        if self.signs:
            return
        if why := self._why_not_sign():
            self._commands.say(f"The releases are not signed: {why}. Production then asks for no review.")

    def list_signers(self) -> None:
        """Write the list of those whose signatures count: the colleague alone."""
        if self.signs:
            kind, key = self._public.read_text(encoding="ascii").split()[:2]
            self._layout.allowed_signers.write_text(f"{EMAIL} {kind} {key}\n", encoding="ascii")

    def signing(self) -> tuple[str, ...]:
        """What git is told, so that a commit is signed; nothing without a key."""
        if not self.signs:
            return ()
        settings = (
            "gpg.format=ssh",
            "gpg.ssh.program=ssh-keygen",
            f"user.signingkey={self._layout.reviewer_key}",
            "commit.gpgsign=true",
        )
        return tuple(word for setting in settings for word in ("-c", setting))

    def forget_approvals(self) -> None:
        """Drop what was approved by `handrail approve`."""
        shutil.rmtree(self._layout.approvals, ignore_errors=True)

    @property
    def _public(self) -> Path:
        return self._layout.reviewer_key.with_suffix(".pub")

    def _why_not_sign(self) -> str:
        if shutil.which("ssh-keygen", path=self._environment.get("PATH")) is None:
            return "ssh-keygen is missing here (apt-get install openssh-client)"
        found = re.search(r"(\d+)\.(\d+)", self._run(self._git, "--version"))
        if found is None or (int(found[1]), int(found[2])) < OLDEST_GIT:
            return "this git is too old for it (2.34 can)"
        partial = self._layout.review.with_suffix(".new")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        key = partial / self._layout.reviewer_key.name
        try:
            self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", EMAIL, "-f", key)
            # An old ssh-keygen makes keys, and can't sign with them.
            self._run("ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", key, key.with_suffix(".pub"))
        except MachineFault as fault:
            shutil.rmtree(partial)
            return f"ssh-keygen can't sign here ({' '.join(fault.evidence.split())[:100]})"
        key.with_suffix(".pub.sig").unlink()
        partial.rename(self._layout.review)
        return ""

    def _run(self, *argv: str | Path) -> str:
        return self._commands.run("review", argv, cwd=self._layout.run, environment=self._environment)
