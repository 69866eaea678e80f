"""Where a journal may lie: on a filesystem of this machine, whose locks and syncs can be relied on.

Locks of filesystems on the network are known to fail silently (https://www.sqlite.org/howtocorrupt.html,
section 2.1), and two engines would then drive one run.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from handrail.errors import StorageFault
from handrail.paths import STATE_VARIABLE

NETWORK_TYPES = frozenset(
    {"9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs"}
    | {"nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "sshfs", "webdav"}
)
NETWORK_FUSE = re.compile(
    r"^fuse\.(sshfs|glusterfs|ceph|s3fs|rclone|davfs2?|cifs|smbnetfs|gcsfuse|goofys|mount-s3)"
)


def mount_of(path: Path, mounts: str) -> tuple[str, str]:
    """The mount point and the type of the filesystem that holds `path`, by a table like /proc/mounts."""
    best = ("/", "")
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[1])
        # The last of several mounts on one point is the one that is seen.
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, fields[2])
    return best


def is_on_network(kind: str) -> bool:
    """Whether filesystems of this type keep their files on another machine."""
    return kind in NETWORK_TYPES or NETWORK_FUSE.match(kind) is not None


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Raise `StorageFault` where `path` lies on a filesystem on the network."""
    point, kind = mount_of(path.resolve(), _mounts() if mounts is None else mounts)
    if is_on_network(kind):
        raise StorageFault(
            f"The journal {path} would lie on a filesystem on the network ({kind}, mounted on {point}).",
            still_safe="nothing was written.",
            next_step=f"name a folder on a disk of this machine with {STATE_VARIABLE}.",
        )


def _mounts() -> str:
    if sys.platform == "linux":
        try:
            return Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return ""
    # `server:/share on /mnt/point (nfs, nodev)` becomes the form of /proc/mounts.
    listed = subprocess.run(["mount"], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^(.*?) on (.*) \((\w+)[,)]", listed, flags=re.MULTILINE)
    return "\n".join(f"- {point.replace(' ', chr(92) + '040')} {kind}" for _, point, kind in found)
