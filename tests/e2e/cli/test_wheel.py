"""`pip install .`: what a wheel brings, and that it works where the source tree isn't."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    answer = subprocess.run(
        [*command, "--disable-pip-version-check", "-w", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    [made] = folder.glob("handrail-*.whl")
    return made


def test_the_wheel_holds_the_runbooks_the_scripts_and_the_styles(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {path.name for path in (ROOT / "runbooks").glob("*.md")}
    assert {f"handrail/shipped/runbooks/{name}" for name in shipped} <= names
    assert "handrail/shipped/scripts/enable-maintenance.sh" in names
    source = ROOT / "app" / "handrail"
    wanted = {
        str(path.relative_to(source.parent))
        for path in source.rglob("*")
        if path.is_file()
        and path.suffix in (".py", ".tcss", ".json", ".sql", ".js")
        and "__pycache__" not in path.parts
    }
    assert wanted <= names
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]


def test_the_installed_command_finds_its_runbooks(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(installed)
    [entry_points] = installed.glob("handrail-*.dist-info/entry_points.txt")
    assert "handrail = handrail.cli.main:main" in entry_points.read_text()
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(tmp_path)}
    environment.pop("HANDRAIL_STATE", None)
    answer = subprocess.run(
        [sys.executable, "-m", "handrail", "check", "production-deploy", "rollback-code"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("valid") == 2
    where = subprocess.run(
        [sys.executable, "-c", "import handrail; print(handrail.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert str(installed) in where.stdout
