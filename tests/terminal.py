"""A real terminal for tests: tmux on a socket of its own, typed into and read like a person would."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from handrail.processes import ProcessIdentity
from seen_cells import Cell, seen_cells
from waiting import wait_for


class Terminal:
    """One tmux server with one pane of the given size; `close` ends it and nothing else."""

    def __init__(self, folder: Path, columns: int = 80, rows: int = 24) -> None:
        if shutil.which("tmux") is None:
            raise AssertionError(
                "tmux is needed to drive a real terminal: install it (`apt-get install tmux`)."
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.size = (columns, rows)
        self._socket = folder / "tmux"
        self._status = folder / "status"

    def _tmux(self, *arguments: str) -> str:
        answer = subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", str(self._socket), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise AssertionError(f"tmux {arguments[0]}: {answer.stderr.strip()}")
        return answer.stdout

    def run(self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> None:
        """Start a command in the pane; its exit code is kept for `exit_code`."""
        self._status.unlink(missing_ok=True)
        line = f"{shlex.join(command)}; echo $? > {shlex.quote(str(self._status))}; exec sleep 86400"
        variables = [f"{name}={value}" for name, value in environment.items()]
        columns, rows = self.size
        wanted = ["env", "-i", *variables, "bash", "-c", line]
        self._tmux(
            *("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(folder)), shlex.join(wanted)
        )

    def screen(self) -> str:
        """The text in the pane."""
        return self._tmux("capture-pane", "-p")

    def cells(self) -> list[list[Cell]]:
        """What is seen of each cell in the pane, blanks at the end of a row included."""
        return seen_cells(self._tmux("capture-pane", "-p", "-e", "-N"))

    def spoil(self, text: str) -> None:
        """Write over the pane, as another program at the same terminal does."""
        Path(self._tmux("display-message", "-p", "#{pane_tty}").strip()).write_text(text, encoding="utf-8")

    def takes_copies(self) -> None:
        """Let what runs in the pane set the clipboard, which tmux refuses unasked."""
        self._tmux("set-option", "-s", "set-clipboard", "on")

    def copied(self) -> str:
        """What was copied last; nothing where nothing was."""
        return self._tmux("show-buffer") if self._tmux("list-buffers") else ""

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them."""
        self._tmux("send-keys", *keys)

    def press_at_once(self, *keys: str) -> None:
        """Press keys faster than anybody can; an escape by kitty's protocol, where it is no prefix."""
        words: list[str] = []
        for key in keys:
            words += [";"] if words else []
            name = "\\;" if key == ";" else key
            words += ["send-keys", *(("-H", *["1b", "5b", "32", "37", "75"]) if key == "Escape" else (name,))]
        self._tmux(*words)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, and wait until it is."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))
        wanted = f"{columns} {rows}"
        wait_for(
            lambda: self._tmux("display-message", "-p", "#{pane_width} #{pane_height}").strip() == wanted,
            f"a terminal of {columns} by {rows}",
        )

    def expect(self, text: str, seconds: float = 90.0) -> str:
        """Wait until the text is on the screen, and return the screen."""
        return self.expect_that(lambda screen: text in screen, repr(text), seconds)

    def expect_that(self, is_so: Callable[[str], bool], what: str, seconds: float = 90.0) -> str:
        """Wait until something is so of the screen, and return the screen."""
        last = ""

        def shown() -> bool:
            nonlocal last
            last = self.screen()
            return is_so(last)

        try:
            wait_for(shown, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen was:\n{last}") from None
        return last

    def exit_code(self, seconds: float = 90.0) -> int:
        """Wait for the command's end."""
        wait_for(
            lambda: self._status.exists() and self._status.read_text().strip(), "the command's end", seconds
        )
        return int(self._status.read_text())

    def kill(self) -> None:
        """Close the terminal's window as a dropped connection would: everything in it gets a hang-up."""
        pid = int(self._tmux("display-message", "-p", "#{pid}"))
        server = ProcessIdentity.of(pid)
        self._tmux("kill-server")
        if server is not None:
            wait_for(lambda: not server.is_alive(), "the end of tmux")

    def close(self) -> None:
        """End the terminal if it still lives."""
        if not self._socket.exists():
            return
        try:
            self.kill()
        except AssertionError:
            return


def bare_environment(home: Path, **more: str) -> dict[str, str]:
    """What a login on a fresh account has, and no more."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        **more,
    }


def kill(process: ProcessIdentity) -> None:
    """End a process at once, and wait until it has ended."""
    process.signal(signal.SIGKILL)
    wait_for(lambda: not process.is_alive(), f"the end of {process.pid}")
