"""What the import contracts of pyproject.toml can't say: the shim needs the standard library alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import handrail

PACKAGE = Path(handrail.__file__).parent
SHIM = "handrail.attempts.shim"


def imported_by(source: Path) -> set[str]:
    """The modules that a file imports for its running, type checking left aside."""
    found: set[str] = set()
    for node in ast.walk(_without_type_checking(ast.parse(source.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} imports relatively"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _without_type_checking(tree: ast.Module) -> ast.Module:
    tree.body = [
        node
        for node in tree.body
        if not (
            isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        )
    ]
    return tree


def file_of(module: str) -> Path | None:
    """The file of one of handrail's modules; `None` for what is no module."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def reached_from(module: str) -> dict[str, Path]:
    """Every one of handrail's modules that importing this one brings along, packages included."""
    reached: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = file_of(name)
        if name in reached or path is None:
            continue
        reached[name] = path
        parts = name.split(".")
        waiting += [".".join(parts[:end]) for end in range(1, len(parts))]
        waiting += [each for each in imported_by(path) if each.split(".")[0] == "handrail"]
    return reached


def test_the_shim_and_all_that_it_imports_need_the_standard_library_alone() -> None:
    reached = reached_from(SHIM)
    assert {"handrail", SHIM, "handrail.attempts.exit_record", "handrail.clock", "handrail.processes"} <= set(
        reached
    )
    foreign = {
        (name, outside)
        for name, path in reached.items()
        for outside in imported_by(path)
        if outside.split(".")[0] not in sys.stdlib_module_names | {"handrail"}
    }
    assert foreign == set()


@pytest.mark.parametrize(
    "module",
    [
        SHIM,
        "handrail.attempts.exit_record",
        "handrail.clock",
        "handrail.processes",
        "handrail.paths",
        "handrail.errors",
    ],
)
def test_it_can_be_imported_where_no_package_is_installed(module: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import {module}"
    answer = subprocess.run(
        [sys.executable, "-S", "-E", "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


def test_every_package_has_its_own_words() -> None:
    vague = {"utils", "helpers", "common", "manager", "managers", "misc", "util", "helper"}
    names = {
        part for path in PACKAGE.rglob("*.py") for part in (path.stem, *path.relative_to(PACKAGE).parts[:-1])
    }
    assert names & vague == set()


def test_opening_a_run_imports_nothing_that_samples() -> None:
    opened = "handrail.cli.commands.run, handrail.cli.opening, handrail.project.loader"
    code = f"import sys, {opened}; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(answer.stdout.split())
    assert "handrail.project.signals" in loaded
    # What a request is, as data, is known to every task.
    assert {name for name in loaded if name.startswith("handrail.probes.")} <= {"handrail.probes.exchange"}
    assert "handrail.engine.sampling" not in loaded
    assert loaded & {"psutil", "httpx"} == set()


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["runs"], ["config"], ["run", "--help"]], ids=str
)
def test_a_command_without_a_screen_never_imports_textual(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from handrail.cli.main import main; main(sys.argv[1:]);"
        " sys.exit(any(name.partition('.')[0] == 'textual' for name in sys.modules))"
    )
    environment = {"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent)}
    answer = subprocess.run(
        [sys.executable, "-P", "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "module", ["handrail.cli.commands.attach", "handrail.engine.__main__", "handrail.probes.making"]
)
def test_no_validator_is_built_before_something_is_validated(module: str) -> None:
    code = (
        f"import {module}\n"
        "from handrail.values import Frozen\n"
        "print(*(each.__name__ for each in Frozen.__subclasses__() if each.__pydantic_complete__))"
    )
    answer = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    # Who acts where nobody does is one of them.
    assert set(answer.stdout.split()) <= {"Actor"}


def test_pydantic_looks_for_no_plugins_and_tasks_may() -> None:
    code = (
        "import os, sys\n"
        "from handrail.run.actors import Actor\n"
        "Actor(user='a', host='b', session='c')\n"
        "print('importlib.metadata' in sys.modules, 'PYDANTIC_DISABLE_PLUGINS' in os.environ)"
    )
    answer = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]
