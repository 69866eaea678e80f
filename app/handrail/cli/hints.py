"""Whether newcomers' hints were dismissed: a file in the user's own state directory, not in any setting."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from handrail.paths import StateFolder

FILE_NAME = "hints-dismissed"


class DismissedHints:
    """Kept for the person, not for a project: `$HANDRAIL_STATE` and a project's own state don't count."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        own = {name: environment[name] for name in ("HOME", "XDG_STATE_HOME") if name in environment}
        self._file: Path = StateFolder.locate(own).root / FILE_NAME

    @property
    def dismissed(self) -> bool:
        """Whether they were dismissed."""
        try:
            return self._file.exists()
        except OSError:
            return False

    def dismiss(self) -> str:
        """Keep that they were; why that can't be kept, else nothing."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.touch(mode=0o600)
        except OSError as error:
            return f"Hidden for now; {self._file} can't be written: {error.strerror}."
        return ""
