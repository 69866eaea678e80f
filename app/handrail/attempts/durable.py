"""Writing files so that they are on the disk, whole, when the call returns.

Standard library only: the shim imports this module.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`, however many calls that takes."""
    while content:
        content = content[os.write(descriptor, content) :]


def sync_folder(folder: Path) -> None:
    """See to it that the names of new files in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` by a file for its owner alone; readers see the old content or the new, never a part."""
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(path)
    sync_folder(path.parent)


def create_exclusively(path: Path, content: bytes) -> None:
    """Make `path`, which must not exist, for its owner alone. Raises `FileExistsError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the file's lock if it is free; False where another process holds it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
