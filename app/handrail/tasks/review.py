"""Code review: whether somebody other than the author and the operator approved this commit."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError
from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement
from handrail.policy.people import Person, account, known, person
from handrail.policy.review import Approval, Question, approval_text, github_approvals, judge
from handrail.tasks import ssh_signatures as ssh
from handrail.tasks.checklist import is_asked_for
from handrail.tasks.commands import Command
from handrail.tasks.git import look
from handrail.tasks.github import GitHub, Unanswered, authors_of
from handrail.tasks.release_commit import commit_to_deploy
from handrail.tasks.workplace import Workplace, workplace

OPERATOR_VARIABLE = "HANDRAIL_OPERATOR"
ATTEMPT_VARIABLE = "HANDRAIL_ATTEMPT"
MOST_SIGNATURES = 50
SHOWN_COMMIT = 12
# The checkout's own configuration must not choose what verifies a signature, nor a replaced object be it.
_VERIFYING = (
    "--no-replace-objects",
    *("-c", "gpg.ssh.program=ssh-keygen", "-c", "log.showSignature=false"),
)
_SEPARATOR, _BETWEEN_TRAILERS = "\x1f", "\x1e"
_FORMAT = (
    "--format=%ae%x1f%P%x1f%T%x1f%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x1e)"
    "%x1f%(trailers:key=Reviewed-by,valueonly,unfold,separator=%x1e)"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What git says of a commit: author, co-authors and reviewers by e-mail, parents, tree."""

    author: str
    parents: tuple[str, ...]
    tree: str
    co_authors: tuple[str, ...]
    reviewers: tuple[str, ...]


class Gathering:
    """What the sources say of one commit; `trouble` collects what could not be looked at."""

    def __init__(self, place: Workplace, commit: str) -> None:
        self.place = place
        self.commit = commit
        self.settings = place.target.review
        self.people = [
            person(users=each.users, logins=each.logins, emails=each.emails, principals=each.principals)
            for each in self.settings.people
        ]
        self.authors: list[Person] = []
        self.approvals: list[Approval] = []
        self.trouble: list[str] = []

    def look_at_commit(self) -> Written | None:
        """Note who wrote the commit; for a merge that adds nothing, who wrote what it merges."""
        written = self._written(self.commit)
        if written is None:
            return None
        bare_merge = False
        if len(written.parents) > 1:
            merged = [self._written(parent) for parent in written.parents[1:]]
            bare_merge = any(each is not None and each.tree == written.tree for each in merged)
            listing = self._git("log", _FORMAT, f"{written.parents[0]}..{self.commit}", "--no-merges")
            if listing is None:
                return None
            brought = [each for line in listing.splitlines() if (each := parsed(line))]
            self.authors += [who for each in brought for who in _people_of(each)]
        if not bare_merge:
            self.authors += _people_of(written)
        return written

    def look_at_github(self) -> None:
        """Note the reviews of the commit's pull requests, and who wrote those."""
        hub = GitHub(self.place)
        pulls = hub.pulls(self.commit)
        if not pulls:
            self.place.say(f"GitHub knows no pull request for {self.commit[:12]}.")
        for pull in pulls:
            number, head = pull.get("number"), pull.get("head")
            if not isinstance(number, int) or not isinstance(head, dict):
                raise Unanswered("GitHub's answer has another shape than documented, at a pull request")
            reviewed = {self.commit}
            head_commit = str(head.get("sha", ""))
            if pull.get("merged_at") and pull.get("merge_commit_sha") == self.commit != head_commit:
                if hub.tree(head_commit) == hub.tree(self.commit):
                    reviewed.add(head_commit)
                else:
                    self.place.say(
                        f"Pull request {number} was merged into code that its reviewers had not seen:"
                        " approvals of its branch don't cover the merge."
                    )
            authors = [who for each in hub.commits(number) for who in authors_of(each)]
            user = pull.get("user")
            if isinstance(user, dict) and isinstance(user.get("login"), str):
                authors.append(person(logins=[user["login"]]))
            self.people += [each for each in authors if each.logins and each.emails]
            self.authors += authors
            self.approvals += github_approvals(number, hub.reviews(number), reviewed)

    def look_at_trailers(self, written: Written | None) -> None:
        """Note who is named in `Reviewed-by:`, on the word of whoever signed the commit."""
        if written is None or not written.reviewers:
            return
        signer, why_not = self._signer()
        for each in written.reviewers:
            by = person(emails=[each])
            self.approvals.append(Approval(by, "Reviewed-by of the commit", why_not, told_by=signer))

    def look_at_signatures(self) -> None:
        """Note who signed the approval of this commit with a key that the project lists."""
        signers, text = self._signers()
        folder = self.settings.approvals / self.commit
        found = sorted(folder.glob("*.sig")) if folder.is_dir() else []
        if len(found) > MOST_SIGNATURES:
            raise HandrailError(f"{folder} has more than {MOST_SIGNATURES} signatures")
        if not found:
            self.place.say(f"No signed approval lies in {folder}.")
        with tempfile.TemporaryDirectory(prefix="handrail-approval-") as temporary:
            signed = Path(temporary) / "text"
            signed.write_text(approval_text(self.place.site.name, self.commit), encoding="utf-8")
            for signature in found:
                self.approvals.append(self._approval(signed, signature, signers, text))

    def _approval(self, signed: Path, signature: Path, signers: Path, listed: str) -> Approval:
        nobody, source = person(principals=[signature.name]), "signed approval"
        if signature.stat().st_size > ssh.LARGEST_SIGNATURE_BYTES:
            return Approval(nobody, source, "it is too large for a signature")
        answer = self.place.attempt(ssh.whose_key(signed.parent, signed, signature))
        key = ssh.fingerprint(answer.output) if not answer.code else ""
        if not key:
            return Approval(nobody, source, "no good signature for this commit and this target")
        principals = ssh.principals_of(key, listed)
        if not principals:
            return Approval(nobody, source, f"its key, {key}, is nobody's in {signers.name}")
        by = person(principals=principals)
        for principal in principals:
            if not self.place.attempt(ssh.verify(signed.parent, signed, signature, signers, principal)).code:
                return Approval(by, source)
        return Approval(by, source, f"{signers.name} doesn't allow its key for this, or not now")

    def _signers(self) -> tuple[Path, str]:
        """The project's list of signers. Raises `HandrailError` where nothing can be verified by it."""
        if shutil.which("ssh-keygen") is None:
            raise HandrailError("ssh-keygen isn't installed here (apt-get install openssh-client)")
        signers = self.settings.allowed_signers
        if signers is None:
            raise HandrailError(
                f"the target {self.place.site.name} names no allowed_signers",
                next_step="set allowed_signers in its [review] in handrail.toml.",
            )
        try:
            return signers, signers.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise HandrailError(f"the list of signers {signers} can't be read: {error}") from error

    def _signer(self) -> tuple[Person | None, str]:
        """Who signed the commit, and why that can't be relied on; nobody but an SSH key of the project's."""
        signers, listed = self._signers()
        raw = self._git("cat-file", "commit", self.commit) or ""
        header = raw.partition("\n\n")[0]
        if f"\ngpgsig {ssh.HEADER}" not in header and f"\ngpgsig-sha256 {ssh.HEADER}" not in header:
            return None, "the commit has no SSH signature, so anybody could have written it"
        outcome = self.place.attempt(
            self._command(
                "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", "--raw", self.commit
            )
        )
        key = ssh.fingerprint(outcome.output + outcome.errors)
        if outcome.code or not key:
            said = " ".join(outcome.errors.split())[:200]
            return None, f"the commit's signature is not good by {signers.name}: {said}"
        principals = ssh.principals_of(key, listed)
        if not principals:
            return None, f"the commit's key, {key}, is no person's in {signers.name}"
        return person(principals=principals), ""

    def _written(self, commit: str) -> Written | None:
        found = self._git("log", "-1", _FORMAT, commit)
        return parsed(found) if found is not None else None

    def _git(self, *arguments: str) -> str | None:
        """The output of a reading git command; where it fails that is noted as trouble."""
        outcome = self.place.attempt(self._command(*arguments))
        if outcome.code:
            self.trouble.append(f"git {arguments[0]}: {' '.join(outcome.errors.split())[:200]}")
            return None
        return outcome.output.rstrip("\n")

    def _command(self, *arguments: str) -> Command:
        return look(self.place.site, *_VERIFYING, *arguments, dry=f"{_SEPARATOR * 4}")


def parsed(line: str) -> Written | None:
    """One commit in the output of git log with this module's format; `None` for a line that is none."""
    fields = line.rstrip("\n").split(_SEPARATOR)
    if len(fields) != 5:
        return None
    author, parents, tree, co_authors, reviewers = fields
    return Written(author, tuple(parents.split()), tree, _emails(co_authors), _emails(reviewers))


def _emails(trailers: str) -> tuple[str, ...]:
    """The addresses in the values of trailers such as `Name <name@example.org>`."""
    return tuple(
        parseaddr(each)[1] or each.strip() for each in trailers.split(_BETWEEN_TRAILERS) if each.strip()
    )


def _people_of(written: Written) -> list[Person]:
    return [person(emails=[each]) for each in (written.author, *written.co_authors) if each]


def operator_of(environment: Mapping[str, str]) -> Person | None:
    """The operator of the run, as the engine wrote it into the attempt's spec.

    A variable of the operator's own shell counts only where no engine wrote one.
    """
    folder = environment.get(ATTEMPT_VARIABLE)
    user = ""
    if folder:
        try:
            spec = json.loads((Path(folder) / "spec.json").read_text(encoding="utf-8"))
            user = str(spec.get("environment", {}).get(OPERATOR_VARIABLE, ""))
        except (OSError, ValueError, AttributeError):
            user = ""
    user = user or environment.get(OPERATOR_VARIABLE, "")
    return account(user) if user.strip() else None


@task
def approved(context: Context, ref: str) -> None:
    """Check that enough people, neither author nor operator, approved the commit that `ref` would bring."""
    place = workplace(context)
    name, settings = place.site.name, place.target.review
    if not is_asked_for(
        place,
        "review",
        settings,
        said=bool(settings.source),
        done="reviewed",
        unsaid=f"the target {name} doesn't say where approvals are found",
        next_step=f"set source in [targets.{name}.review] of handrail.toml: github, trailers or signed;"
        " or enabled = false, with the reason.",
    ):
        return
    commit = commit_to_deploy(place, ref)
    gathering = Gathering(place, commit)
    written = gathering.look_at_commit()
    looks: dict[str, Callable[[], None]] = {
        "github": gathering.look_at_github,
        "trailers": lambda: gathering.look_at_trailers(written),
        "signed": gathering.look_at_signatures,
    }
    for source in settings.source:
        try:
            looks[source]()
        except HandrailError as error:
            # Another source may suffice; without one, what this one would have said stays unknown.
            gathering.trouble.append(f"{source}: {error.summary}")
    operator = operator_of(os.environ)
    found = judge(
        Question(
            commit=commit,
            authors=tuple(known(author, gathering.people) for author in gathering.authors),
            operator=operator,
            people=tuple(gathering.people),
            minimum=settings.minimum,
            trouble=tuple(gathering.trouble),
        ),
        gathering.approvals,
    )
    evidence = found.evidence
    if found.verdict is not Verdict.PASS:
        # In the evidence, since that is what a held step shows.
        evidence += f"\n- ask a colleague to approve it {_how(settings.source, commit, name)}"
    place.judge(Judgement(found.verdict, evidence), next_step="once somebody has approved it, check again.")
    place.fact("approved_commit", commit)


def _how(sources: Sequence[str], commit: str, target: str) -> str:
    """How somebody can approve a commit, by each of the sources; the quickest first."""
    ways = {
        "signed": f"by `handrail approve {commit[:SHOWN_COMMIT]} --target {target}`, with their own SSH key",
        "github": "in its pull request at GitHub",
        "trailers": "by a Reviewed-by trailer in the commit, which they sign",
    }
    return ", or ".join(way for source, way in ways.items() if source in sources)
