"""Who acts: a person at one screen."""

from handrail.values import Frozen


class Actor(Frozen):
    """An operating-system user at one screen; `session` tells two screens of one user apart.

    `process` is the identity of the screen's process, so that others can see whether it still runs.
    """

    user: str
    host: str
    session: str
    process: dict[str, str | int] | None = None

    def is_same_person(self, other: "Actor") -> bool:
        """Whether both are one user of one machine, at whatever screens."""
        return (self.user, self.host) == (other.user, other.host)

    @property
    def name(self) -> str:
        """The actor as shown to people."""
        return f"{self.user}@{self.host}"
