"""The scripts where something is missing: one clear message that says what to do, and nothing half done."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
SCRIPTS = Path(__file__).parents[3] / "scripts"
NEEDED = ("sh", "dirname", "cat", "sed", "env")


def call(script: str, *words: str, path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPTS / script), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path, "HOME": "/nonexistent", **environment},
        timeout=120,
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with the shell's own programs and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("script", ["try", "test"])
def test_without_git_it_says_so_first(bare: Path, script: str) -> None:
    answer = call(script, path=str(bare))
    assert answer.returncode == 2
    assert "git is missing. Do now: " in answer.stderr


def test_a_python_that_is_too_old_is_named(bare: Path) -> None:
    program(bare, "python3", 'if [ "$1" = --version ]; then echo "Python 3.9.2"; else exit 1; fi')
    program(bare, "git", "exit 0")
    answer = call("try", path=str(bare))
    assert answer.returncode == 2
    assert "Python 3.11 or later; here is: Python 3.9.2" in answer.stderr
    assert "Do now:" in answer.stderr


def test_a_named_python_is_taken_or_refused(bare: Path) -> None:
    assert call("find-python", path=str(bare), PYTHON=sys.executable).stdout.strip() == sys.executable
    refused = call("find-python", path=str(bare), PYTHON="/bin/false")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "/bin/false" in refused.stderr


def test_a_later_python_on_the_path_is_found(bare: Path) -> None:
    program(bare, "python3", "exit 1")
    (bare / "python3.12").symlink_to(sys.executable)
    assert call("find-python", path=str(bare)).stdout.strip() == str(bare / "python3.12")


def test_without_a_network_it_says_so_and_can_be_tried_again(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    answer = call(
        "environment.py",
        str(tmp_path / "venv"),
        "runtime",
        path=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL=f"http://127.0.0.1:{port}/simple",
        PIP_NO_CACHE_DIR="1",
        HOME=str(tmp_path),
    )
    assert answer.returncode == 1, answer.stderr
    assert "The package index can't be reached from here." in answer.stderr
    assert "Do now:" in answer.stderr
    assert not (tmp_path / "venv" / "handrail-environment").exists()


def test_a_folder_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "thesis.txt").write_text("mine")
    answer = call("environment.py", str(tmp_path / "venv"), "runtime", path=os.environ["PATH"])
    assert answer.returncode == 2
    assert "something else than a virtual environment" in answer.stderr
    assert (tmp_path / "venv" / "thesis.txt").read_text() == "mine"
