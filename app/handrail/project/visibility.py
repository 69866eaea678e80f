"""What `handrail.toml` can say of what stands between a release and its visitors: flags, a cache, a CDN.

The source of the rule is deployment-workflow.md, "Common Issues": features not visible.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from handrail.values import Frozen


def _path(value: str) -> str:
    if not value.startswith("/") or value.startswith("//") or "\\" in value:
        raise ValueError("a path on the target's own address, such as /checkout")
    return value


PagePath = Annotated[str, AfterValidator(_path)]


class Flag(Frozen):
    """A feature flag, told by a page of the application, or by a variable of its processes.

    The page (`path`, asked past the maintenance page and every cache) or the `variable` must contain, or
    be, a text; a variable may also just be there. A variable's value is never shown.
    """

    name: str = Field(min_length=1)
    path: PagePath | None = None
    variable: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*$")
    contains: str | None = None
    equals: str | None = None

    @model_validator(mode="after")
    def _one_sign(self) -> Self:
        if (self.path is None) == (self.variable is None):
            raise ValueError("exactly one of path or variable")
        if self.contains is not None and self.equals is not None:
            raise ValueError("only one of contains or equals")
        if self.path is not None and self.contains is None and self.equals is None:
            raise ValueError("contains or equals: what the page says where the flag is on")
        return self


class Copies(Frozen):
    """Pages that a cache or a CDN keeps copies of: what visitors get must be what the application gives.

    They are compared by their bodies, or by `header` (such as etag or x-release). `purge` is the command
    that empties it: it is named where a copy is old, and never run by a check.
    """

    paths: tuple[PagePath, ...] = Field(min_length=1)
    header: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    purge: tuple[str, ...] = ()


class Cdn(Copies):
    """The same for a content delivery network, whose address `url` is, by default, the public one."""

    url: str | None = Field(default=None, pattern=r"^https?://[^\s?#@]+$")


class Visibility(Frozen):
    """What decides whether visitors see what was deployed; what isn't named can't be known."""

    flags: tuple[Flag, ...] = ()
    cache: Copies | None = None
    cdn: Cdn | None = None
