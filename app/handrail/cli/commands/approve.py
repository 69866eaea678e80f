"""`handrail approve`: a reviewer's signed word that a commit may be deployed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, MachineFault, Refused, WrongUsage
from handrail.policy.review import SIGNATURE_NAMESPACE, approval_text
from handrail.project.model import Target
from handrail.tasks import ssh_signatures as ssh
from handrail.tasks.commands import Command

FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@click.command()
@click.argument("commit")
@click.option("--target", "target_name", metavar="NAME", help="The target that it may be deployed to.")
@click.option("--print", "only_text", is_flag=True, help="Print the text to sign, and nothing else.")
@click.option("--key", type=click.Path(path_type=Path), help="Sign with this SSH key (or its public half).")
@click.option(
    "--signature", type=click.Path(path_type=Path, allow_dash=True), help="Keep this signature; - reads it."
)
@click.pass_obj
def approve(
    here: Surroundings,
    commit: str,
    target_name: str | None,
    only_text: bool,
    key: Path | None,
    signature: Path | None,
) -> int:
    """Approve COMMIT for a target by a signature with your own SSH key.

    Without an option, says what to sign and how. The author and the operator can't approve; whether you are
    either is judged when it is deployed.
    """
    if here.project is None:
        raise WrongUsage(
            "There is no handrail.toml here or in a folder above.", next_step="go to the project's folder."
        )
    target = here.project.target(target_name)
    full = _full(commit, (target.checkout, here.project.root))
    text = approval_text(target.name, full)
    if only_text:
        sys.stdout.write(text)
        return ExitCode.FINISHED
    if key is None and signature is None:
        print(_instructions(target, full, text))
        return ExitCode.FINISHED
    signed = _sign(text, key) if key is not None else _read(signature or Path("-"))
    principals = _verified(target, text, signed)
    print(f"Approved by {', '.join(principals)}: {full} for {target.name}.")
    print(f"The signature is kept in {_keep(target, full, signed)}.")
    return ExitCode.FINISHED


def _full(commit: str, folders: tuple[Path, ...]) -> str:
    """The full name of a commit. Raises `WrongUsage` where no repository here knows it."""
    if FULL_COMMIT.fullmatch(commit):
        return commit
    for folder in folders:
        if not folder.is_dir():
            continue
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode and FULL_COMMIT.fullmatch(done.stdout.strip()):
            return done.stdout.strip()
    raise WrongUsage(
        f"{commit} is no commit that is known here.",
        still_safe="nothing was approved.",
        next_step="give the commit's full name, as `git rev-parse` prints it.",
    )


def _instructions(target: Target, commit: str, text: str) -> str:
    call = f"handrail approve {commit} --target {target.name}"
    shown = "".join(f"  {line}\n" for line in text.splitlines())
    return (
        f"What an approval says:\n{shown}"
        "Sign it with your own key, which the project lists, by one of these:\n"
        f"  {call} --key ~/.ssh/id_ed25519\n"
        f"  {call} --print |"
        f" ssh-keygen -Y sign -n {SIGNATURE_NAMESPACE} -f ~/.ssh/id_ed25519 > approval.sig\n"
        f"  {call} --signature approval.sig"
    )


def _run(command: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command.argv,
        cwd=command.cwd,
        env={**os.environ, **command.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _ssh_keygen() -> str:
    found = shutil.which("ssh-keygen")
    if found is None:
        raise MachineFault(
            "ssh-keygen isn't installed here, so nothing can be signed or verified.",
            still_safe="nothing was approved.",
            next_step="install OpenSSH's client (apt-get install openssh-client).",
        )
    return found


def _sign(text: str, key: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="handrail-approval-") as folder:
        file = Path(folder) / "text"
        file.write_text(text, encoding="utf-8")
        # A passphrase is asked for at the terminal, which is why nothing is captured.
        done = subprocess.run(
            [_ssh_keygen(), "-q", "-Y", "sign", "-n", SIGNATURE_NAMESPACE, "-f", key.expanduser(), file],
            check=False,
        )
        if done.returncode:
            raise WrongUsage(f"ssh-keygen could not sign with {key}.", still_safe="nothing was approved.")
        return file.with_name("text.sig").read_bytes()


def _read(path: Path) -> bytes:
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(ssh.LARGEST_SIGNATURE_BYTES + 1)
        else:
            with path.open("rb") as file:
                content = file.read(ssh.LARGEST_SIGNATURE_BYTES + 1)
    except OSError as error:
        raise WrongUsage(f"The signature {path} can't be read: {error.strerror}.") from error
    if len(content) > ssh.LARGEST_SIGNATURE_BYTES or not content.startswith(ssh.HEADER.encode()):
        raise WrongUsage(
            f"{path} is no SSH signature.",
            still_safe="nothing was approved.",
            next_step="make it with `ssh-keygen -Y sign`; `handrail approve COMMIT` says how.",
        )
    return content


def _verified(target: Target, text: str, signature: bytes) -> list[str]:
    """Whose signature it is, by the project's list. Raises `Refused` for one that isn't good."""
    _ssh_keygen()
    signers = target.review.allowed_signers
    if signers is None or not signers.is_file():
        raise WrongUsage(
            f"The target {target.name} has no list of allowed signers{f' at {signers}' if signers else ''}.",
            still_safe="nothing was approved.",
            next_step=f"set allowed_signers in [targets.{target.name}.review] of handrail.toml.",
        )
    with tempfile.TemporaryDirectory(prefix="handrail-approval-") as temporary:
        folder = Path(temporary)
        signed, file = folder / "text", folder / "signature"
        signed.write_text(text, encoding="utf-8")
        file.write_bytes(signature)
        key = ssh.fingerprint(_run(ssh.whose_key(folder, signed, file)).stdout)
        if not key:
            raise Refused(
                "It is no good signature for this commit and this target.",
                still_safe="nothing was approved.",
                next_step="sign the text that `handrail approve COMMIT --target NAME --print` gives.",
            )
        principals = ssh.principals_of(key, signers.read_text(encoding="utf-8"))
        if any(not _run(ssh.verify(folder, signed, file, signers, each)).returncode for each in principals):
            return principals
    raise Refused(
        f"The key {key} is nobody's in {signers}, or isn't allowed for this.",
        still_safe="nothing was approved.",
        next_step="have the project list it, in a change that somebody else reviews.",
    )


def _keep(target: Target, commit: str, signature: bytes) -> Path:
    folder = target.review.approvals / commit
    name = f"{target.name}-{hashlib.sha256(signature).hexdigest()[:12]}.sig"
    path = folder / re.sub(r"[^\w.-]", "_", name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(signature)
        partial.replace(path)
    except OSError as error:
        raise MachineFault(
            f"The signature can't be kept in {folder}: {error.strerror}.",
            still_safe="nothing was approved.",
            next_step="make the folder writable, or have its owner keep it by --signature.",
        ) from error
    return path
