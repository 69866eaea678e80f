"""A real repository and real SSH keys: commits by roles, some signed, and lists of who may sign."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from handrail.policy.review import SIGNATURE_NAMESPACE


def need_ssh_keygen() -> None:
    """Fail, saying what to install, where the machine can't sign."""
    if shutil.which("ssh-keygen") is None:
        pytest.fail("ssh-keygen is missing. Do now: apt-get install openssh-client")


@dataclass
class Reviewed:
    """A repository in which roles commit, with a key for each that is asked for."""

    folder: Path
    keys: dict[str, Path] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def signers(self) -> Path:
        return self.folder / "allowed_signers"

    def git(self, *arguments: str, by: str = "author") -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "SSH_AUTH"))}
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_NAME": by.title(), f"GIT_{role}_EMAIL": f"{by}@team.invalid"}
        done = subprocess.run(
            ["git", "-c", "init.defaultBranch=main", "-c", "gpg.format=ssh", *arguments],
            cwd=self.checkout,
            env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def key(self, role: str) -> Path:
        """The role's private key, made when it is first asked for."""
        if role not in self.keys:
            path = self.folder / f"key-{role}"
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", role, "-f", str(path)], check=True
            )
            self.keys[role] = path
        return self.keys[role]

    def allow(self, *roles: str, options: str = "", principal: str = "") -> None:
        """List the roles' keys, each under `role@team.invalid` or the given principal."""
        lines = []
        for role in roles:
            kind, key = self.key(role).with_suffix(".pub").read_text().split()[:2]
            words = [principal or f"{role}@team.invalid", options, kind, key]
            lines.append(" ".join(word for word in words if word))
        with self.signers.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def commit(
        self,
        name: str = "app.js",
        *,
        by: str = "author",
        author: str = "",
        signed_by: str = "",
        trailers: tuple[str, ...] = (),
    ) -> str:
        """A commit that writes a file; `author` is kept where another commits it."""
        (self.checkout / name).write_text(f"{self.git('rev-list', '--all', '--count', by=by)}\n")
        self.git("add", "-A")
        more = ["--author", f"{author.title()} <{author}@team.invalid>"] if author else []
        more += [option for trailer in trailers for option in ("--trailer", trailer)]
        how: list[str] = []
        if signed_by:
            how, more = ["-c", f"user.signingkey={self.key(signed_by)}"], ["-S", *more]
        self.git(*how, "commit", "--quiet", "-m", f"Change {name}", *more, by=by)
        return self.git("rev-parse", "HEAD")

    def sign(self, role: str, text: str, namespace: str = SIGNATURE_NAMESPACE) -> bytes:
        """The role's signature over a text, by ssh-keygen."""
        file = self.folder / "to-sign"
        file.write_text(text)
        signature = file.with_name("to-sign.sig")
        signature.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(self.key(role)), str(file)]
        subprocess.run(command, check=True, capture_output=True)
        return signature.read_bytes()


@pytest.fixture
def reviewed(tmp_path: Path) -> Reviewed:
    """A repository with one commit, by the author."""
    need_ssh_keygen()
    made = Reviewed(tmp_path / "reviewed")
    made.checkout.mkdir(parents=True)
    made.git("init", "--quiet")
    made.commit()
    return made
