"""`handrail report`: a run as a page that is passed around."""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress
from html import unescape
from pathlib import Path

import click

from handrail.cli.completing import complete_runs
from handrail.cli.joining import pick_run, read_state
from handrail.cli.log_tails import tails_of
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, Refused, StorageFault, WrongUsage
from handrail.project.secret import secrets_of, unread_secrets
from handrail.reports.page.html import generator, html
from handrail.reports.page.markdown import markdown
from handrail.reports.page.masking import Masking
from handrail.reports.page.report import RunReport
from handrail.run.events import read_event

WRITERS = {"html": html, "md": markdown}
SUFFIXES = {".html": "html", ".htm": "html", ".md": "md", ".markdown": "md"}
BEGINNING_BYTES = 4096
"""A report says within so many bytes that it is one."""


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="The folder to write RUN.html and RUN.md into (the current one without it), or one file.",
)
@click.option("--format", "form", type=click.Choice(["html", "md", "both"]), help="Both, if not given.")
@click.option("--force", is_flag=True, help="Overwrite a file even where it is no report of this run.")
@click.option(
    "--incomplete-mask",
    is_flag=True,
    help="Write it even where a secret of the target can't be read here, and so not be masked.",
)
@click.pass_obj
def report(
    here: Surroundings, run: str | None, to: Path | None, form: str | None, force: bool, incomplete_mask: bool
) -> int:
    """Write RUN as a self-contained HTML page and as Markdown: what happened, who did what, and every proof.

    It can be written of a run that is still open, too, and says so. The files are readable by you alone: logs
    may hold what the team wouldn't publish. The values of the target's secrets are masked in them.
    """
    with here.journal_to_read() as journal:
        chosen = pick_run(journal, run)
        if journal is None:
            return ExitCode.WRONG_USAGE
        state = read_state(journal, chosen)
        # As far as the chain holds: what comes after it is not told as if it had happened.
        records = journal.read(chosen, limit=state.seq)
        damage = tuple(journal.verify(chosen))
    places = _places(chosen, to, form)
    for path in places.values():
        _refuse_to_overwrite(path, chosen, force=force)
    unread = unread_secrets(state.plan.target)
    if unread and not incomplete_mask:
        raise Refused(
            f"A secret of {state.plan.target.name} can't be read here, and so not be masked in a report.",
            evidence="\n".join(unread),
            still_safe="nothing was written.",
            next_step="make it known here as it is where runs are opened, or write the report with"
            " --incomplete-mask, and look through it before you pass it on.",
        )
    made = RunReport(
        state=state,
        entries=tuple((read_event(record.body), record.at) for record in records),
        now=here.clock.now(),
        tails=tails_of(state, here.state),
        masking=Masking(secrets_of(state.plan.target)),
        damage=damage,
        unread_secrets=unread,
    )
    for name, path in places.items():
        _write(path, WRITERS[name](made))
        print(f"Wrote {path}")
    print("Readable by you alone: look through it before you pass it on.")
    for what in damage:
        print(f"JOURNAL DAMAGED: {what}", file=sys.stderr)
    if unread:
        print(f"NOT masked, since they can't be read here: {', '.join(unread)}", file=sys.stderr)
    return ExitCode.FINISHED


def _places(run: str, to: Path | None, form: str | None) -> dict[str, Path]:
    """The file for each form. Raises `WrongUsage` where it isn't clear which is meant."""
    where = (to or Path()).expanduser()
    forms = ("html", "md") if form in (None, "both") else (str(form),)
    if where.is_dir():
        return {name: where / f"{run}.{name}" for name in forms}
    if str(to).endswith(os.sep) or not where.parent.is_dir():
        raise WrongUsage(
            f"There is no folder {where if str(to).endswith(os.sep) else where.parent}.",
            still_safe="nothing was written.",
            next_step="make it first, or name another one with --to.",
        )
    named = SUFFIXES.get(where.suffix.lower())
    if form == "both" or (form is None and named is None) or (named and form not in (None, named)):
        raise WrongUsage(
            f"It isn't clear what {where} shall hold.",
            still_safe="nothing was written.",
            next_step="name a folder, or one file that ends with .html or .md and fits --format.",
        )
    return {form or str(named): where}


def _refuse_to_overwrite(path: Path, run: str, *, force: bool) -> None:
    if path.is_dir():
        raise WrongUsage(f"{path} is a folder.", still_safe="nothing was written.")
    if force:
        return
    try:
        with path.open("rb") as file:
            beginning = file.read(BEGINNING_BYTES).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(path, error) from error
    if generator(run) not in unescape(beginning):
        raise Refused(
            f"{path} is there already, and no report of this run.",
            still_safe="it is as it was; nothing was written.",
            next_step="name another place with --to, or overwrite it with --force.",
        )


def _write(path: Path, text: str) -> None:
    """Write the whole file at once, readable by its owner alone: a reader never sees half of it."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StorageFault:
    return StorageFault(
        f"The report {path} can't be written: {error.strerror}.",
        still_safe="the journal has all of it.",
        next_step="name another place with --to.",
    )
