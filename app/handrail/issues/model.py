"""What an entry of the catalogue can say: whom it concerns, its symptoms, and the way out."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from handrail.values import Frozen

Pattern = Annotated[str, Field(max_length=500, min_length=1)]


class Symptom(Frozen):
    """Signs that must all be there: in a line of the log, in the reason, in the exit code, in facts.

    `log` is searched in each line, `facts` must match a fact's whole text; both are regular expressions
    of Rust's regex crate, which take time linear in the text.
    """

    log: Pattern | None = None
    exit_code: tuple[int, ...] = ()
    facts: dict[str, Pattern] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.log is None and not self.exit_code and not self.facts:
            raise ValueError("at least one of log, exit_code and facts")
        return self


class IssueFront(Frozen):
    """The front matter of an entry.

    `tasks` and `steps` are file-name patterns for a step's task and key; without any it concerns every
    step. `{named}` in the title stands for the first word of the line found that `named` matches whole.
    """

    title: str = Field(max_length=200, min_length=1)
    tasks: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    symptoms: tuple[Symptom, ...] = Field(min_length=1)
    named: Pattern | None = None
    runbook: str | None = Field(default=None, description="The runbook that mends it")
    step: str | None = Field(default=None, description="The step or action that mends it, in words")


class Issue(Frozen):
    """One entry: `key` is its file's name without `.md`; `cause` and `remedy` are Markdown."""

    key: str
    path: Path
    front: IssueFront
    cause: str
    remedy: str


class Found(Frozen):
    """An issue that a failed step shows; `evidence` is the line that gave it away."""

    key: str
    title: str
    cause: str
    remedy: str
    evidence: str = ""
    runbook: str | None = None
    step: str | None = None
