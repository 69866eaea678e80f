#!/usr/bin/env python3
"""Makes a virtual environment from the locked, hash-checked lists; ready at once where nothing changed.

    scripts/environment.py FOLDER LIST…      a list is the name of requirements/LIST.txt

Called by scripts/try and scripts/test with a Python that is new enough. Node.js comes from its wheel only
where PATH has none that will do. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST_NODE = (20, 12)
STAMP = "handrail-environment"
TELL_EVERY_SECONDS = 2.0


def main(words: list[str]) -> int:
    folder, lists = Path(words[0]).absolute(), ["build", *words[1:]]
    if not node_will_do():
        lists.append("node")
    stamp = stamp_of(lists)
    python = folder / "bin" / "python"
    if works(python) and read(folder / STAMP) == stamp:
        compile_sources(python)
        return 0
    begun = time.monotonic()
    if not works(python) and (code := make(folder, python)):
        return code
    (folder / STAMP).unlink(missing_ok=True)
    files = [argument for name in lists for argument in ("-r", str(ROOT / "requirements" / f"{name}.txt"))]
    options = ["--require-hashes", "--no-deps", *files]
    if code := install(python, options, f"packages of {', '.join(lists)}", packages_in(lists)):
        return code
    if code := install(python, ["--no-deps", "--no-build-isolation", "-e", str(ROOT)], "handrail itself", 1):
        return code
    compile_sources(python)
    (folder / STAMP).write_text(stamp, encoding="ascii")
    say(f"The virtual environment is ready ({time.monotonic() - begun:.0f} s).")
    return 0


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def stamp_of(lists: list[str]) -> str:
    """What the environment depends on, as one digest."""
    digest = hashlib.sha256(f"{sys.version} {ROOT} {lists}".encode())
    for file in [ROOT / "pyproject.toml", *(ROOT / "requirements" / f"{name}.txt" for name in lists)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def packages_in(lists: list[str]) -> int:
    texts = [(ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in lists]
    return len({name for text in texts for name in re.findall(r"^(\S+)==", text, flags=re.MULTILINE)})


def works(python: Path) -> bool:
    """Whether there is an environment of this very version of Python."""
    try:
        answer = subprocess.run(
            [python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == sys.version


def node_will_do() -> bool:
    """Whether PATH has an npm, and a Node.js that is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def make(folder: Path, python: Path) -> int:
    say(f"Making a virtual environment in {folder} …")
    if folder.is_symlink() or (
        folder.exists() and not (folder / "pyvenv.cfg").exists() and any(folder.iterdir())
    ):
        say(f"{folder} is something else than a virtual environment: move it away, then try again.")
        return 2
    answer = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", folder], capture_output=True, text=True, check=False
    )
    if answer.returncode == 0 and python.exists():
        return 0
    said = (answer.stdout + answer.stderr).strip()
    say(said)
    if "ensurepip" in said or "No module named venv" in said:
        version = sysconfig.get_python_version()
        say(f"{sys.executable} can't make virtual environments, since its distribution leaves a part out.")
        say(f"Do now: apt-get install python{version}-venv (Debian, Ubuntu), then try again.")
        say("Or name another Python 3.11 or later: PYTHON=/path/to/python3 scripts/…")
    else:
        say(f"No virtual environment could be made in {folder}: see the lines above.")
    return 1


def install(python: Path, options: list[str], what: str, count: int) -> int:
    """Run pip, and say every few seconds how far it is."""
    say(f"Installing {what} …")
    command = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--retries", "2", "--no-warn-script-location", *options]
    # A switch of the caller's own pip settings must not undo the check of hashes.
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PIP_REQUIRE_HASHES", "PIP_TARGET", "PIP_USER")
    }
    environment["PIP_ROOT_USER_ACTION"] = "ignore"
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    progress = Progress(count)
    teller = threading.Thread(target=progress.tell, daemon=True)
    teller.start()
    output = []
    for line in process.stdout or ():
        output.append(line.rstrip())
        progress.see(line)
    code = process.wait()
    progress.over.set()
    teller.join()
    if code:
        explain(output)
    return 1 if code else 0


def compile_sources(python: Path) -> None:
    """Compile handrail's own modules, as an installation does: else each start does it again where
    PYTHONDONTWRITEBYTECODE is set, or where whoever starts it may not write here."""
    subprocess.run([python, "-m", "compileall", "-qq", str(ROOT / "app")], check=False)


class Progress:
    """Where pip is, told at intervals."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen = 0
        self.doing = ""
        self.over = threading.Event()
        self.begun = time.monotonic()

    def see(self, line: str) -> None:
        if match := re.match(r"(?:Collecting|Obtaining|Requirement already satisfied:) (\S+)", line):
            self.seen += 1
            self.doing = f"{min(self.seen, self.count)} of {self.count}: {match[1].partition('==')[0]}"
        elif line.startswith("Installing collected packages"):
            self.doing = "putting them in place"

    def tell(self) -> None:
        while not self.over.wait(TELL_EVERY_SECONDS):
            say(f"  {self.doing or 'asking the package index'} ({time.monotonic() - self.begun:.0f} s)")


NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout|"
    r"ProxyError|Network is unreachable|ReadTimeoutError|Connection refused"
)


def explain(output: list[str]) -> None:
    """What pip's failure means, and what to do."""
    for line in output[-15:]:
        say(f"  {line}")
    text = "\n".join(output)
    if NO_NETWORK.search(text):
        say("The package index can't be reached from here.")
        say("Do now: see to the network (or the proxy: https_proxy, PIP_INDEX_URL), then try again.")
    elif "DO NOT MATCH THE HASHES" in text:
        say("A package is not the one that was locked: nothing of it was installed.")
        say("Do now: find out who serves it. If it is your own mirror, make it serve the same files.")
    elif "No space left" in text:
        say("The disk is full. Do now: free about 1 GB, then try again.")
    else:
        say("pip could not install them: see the lines above. Trying again is safe.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
