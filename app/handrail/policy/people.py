"""Whether two names are one person: an e-mail address, a login, an account, a signing key's principal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

NOREPLY = "@users.noreply.github.com"
PATTERN_CHARACTERS = frozenset("*?!")


@dataclass(frozen=True, slots=True)
class Person:
    """The names by which one person is known, each kind apart, in lower case."""

    users: frozenset[str] = field(default_factory=frozenset)
    logins: frozenset[str] = field(default_factory=frozenset)
    emails: frozenset[str] = field(default_factory=frozenset)
    principals: frozenset[str] = field(default_factory=frozenset)

    @property
    def shown(self) -> str:
        """A name for people to read; the most telling kind that is known."""
        for kind in (self.logins, self.emails, self.principals, self.users):
            if kind:
                return min(kind)
        return "somebody"


def person(
    *,
    users: Iterable[str] = (),
    logins: Iterable[str] = (),
    emails: Iterable[str] = (),
    principals: Iterable[str] = (),
) -> Person:
    """A person by these names; what one name says of another kind is taken along.

    A principal that is an e-mail address counts as one, and GitHub's own addresses tell a login.
    """
    principal_names = _names(principals)
    addresses = _names(emails) | {name for name in principal_names if "@" in name}
    told = {
        address.removesuffix(NOREPLY).rpartition("+")[2] for address in addresses if address.endswith(NOREPLY)
    }
    return Person(_names(users), _names(logins) | told, addresses, principal_names)


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(cleaned for name in names if (cleaned := name.strip().lower()))


def account(user: str) -> Person:
    """The person behind an operating-system user, as a run's operator is written down.

    `name (as root)` is somebody who became another account: the person is the first name alone.
    """
    name = user.partition(" (as ")[0]
    return person(users=[name])


def same_person(one: Person, other: Person) -> bool | None:
    """Whether both are one person; `None` where no kind of name is known of both, so that nobody can say."""
    comparable = False
    for mine, theirs in _kinds(one, other):
        if mine & theirs:
            return True
        comparable = comparable or bool(mine and theirs)
    return False if comparable else None


def _kinds(one: Person, other: Person) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    return (
        (one.users, other.users),
        (one.logins, other.logins),
        (one.emails, other.emails),
        (one.principals, other.principals),
    )


def known(somebody: Person, directory: Iterable[Person]) -> Person:
    """The same person with every name that the directory knows of them."""
    rest = list(directory)
    found = somebody
    while joined := [entry for entry in rest if same_person(found, entry)]:
        rest = [entry for entry in rest if entry not in joined]
        for entry in joined:
            found = Person(
                *(frozenset(mine | theirs) for mine, theirs in _kinds(found, entry)),
            )
    return found


def names_nobody(principal: str) -> bool:
    """Whether a principal is a pattern, which many could match, and so names no person."""
    return not PATTERN_CHARACTERS.isdisjoint(principal)
