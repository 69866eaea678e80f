"""A real sshd on loopback, for the user who measures, with its own configuration, keys and port."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# What an sshd of root's wants to be there; a system that has booted its own has it.
ROOT_FOLDER = Path("/run/sshd")


def _make_root_folder() -> bool:
    if os.geteuid() != 0 or ROOT_FOLDER.exists():
        return False
    try:
        ROOT_FOLDER.mkdir(mode=0o755)
    except OSError:
        return False
    return True


class NoServer(Exception):
    """There is no sshd here that would run."""


class SshServer:
    """An sshd that lets in one key; `command` is a client's command line to it."""

    def __init__(self, folder: Path) -> None:
        sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if sshd is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
            raise NoServer("openssh-server and openssh-client are needed")
        folder.mkdir()
        self._folder = folder
        for name in ("host", "key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)],
                check=True,
            )
        shutil.copy(folder / "key.pub", folder / "allowed")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\n"
            f"AuthorizedKeysFile {folder / 'allowed'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin yes\nAllowTcpForwarding no\nX11Forwarding no\n"
            "PrintMotd no\nPrintLastLog no\nUseDNS no\n"
        )
        self._made = _make_root_folder()
        configuration = ["-f", str(folder / "sshd_config")]
        tested = subprocess.run([sshd, "-t", *configuration], capture_output=True, text=True, check=False)
        if tested.returncode:
            self._remove_root_folder()
            raise NoServer(f"sshd won't run here: {tested.stderr.strip()}")
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen([sshd, "-D", "-e", *configuration], stderr=self._log)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    self.close()
                    raise NoServer(f"sshd does not answer: {(folder / 'log').read_text()}") from None
                time.sleep(0.05)

    def command(self, port: int, words: str) -> Sequence[str]:
        """The client that runs a shell line over there in a terminal, through a port that leads there."""
        options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={os.devnull}", "LogLevel=ERROR"]
        options += ["IdentitiesOnly=yes", "ControlPath=none"]
        settings = [part for option in options for part in ("-o", option)]
        there = f"{getpass.getuser()}@127.0.0.1"
        key = str(self._folder / "key")
        return ["ssh", "-F", os.devnull, *settings, "-i", key, "-p", str(port), "-tt", there, words]

    def close(self) -> None:
        """End the server; its sessions end with their clients."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._log.close()
        self._remove_root_folder()

    def _remove_root_folder(self) -> None:
        if self._made:
            with suppress(OSError):
                ROOT_FOLDER.rmdir()

    def __enter__(self) -> SshServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
