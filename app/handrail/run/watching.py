"""What follows from the samples of a watch: verdicts, triggers, its clean end.

deployment-workflow.md, "Step 5: Monitor" and "Rollback Timeline".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from handrail.clock import Instant
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.clean_time import baseline_seconds, blindness, clean_seconds, undecided
from handrail.run.deadlines import deadline_of
from handrail.run.state import Phase, RunState, StepState, StepStatus
from handrail.runbook.model import StepKind
from handrail.signals.baseline import Baseline, KeptBaseline, SignalBaseline, choose, summarise
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.judging import judge
from handrail.signals.limits import Limits
from handrail.signals.signal import Signal
from handrail.signals.window import SignalWindow
from handrail.text import duration
from handrail.values import TriggerClass

if TYPE_CHECKING:
    from handrail.run.draft import Draft

LONGEST_BASELINE = timedelta(minutes=30)


def begin_waiting(draft: Draft, step: StepState) -> None:
    """Begin a step that the engine itself carries out: a baseline, or the watch."""
    seconds = (step.planned.watch_for or timedelta()).total_seconds()
    if not draft.state.plan.signals:
        reason = "The target names nothing to watch: no address, no processes, no probes (handrail.toml)."
        draft.add(e.StepHeld(step=step.key, check=None, reason=reason))
    elif step.planned.kind is StepKind.BASELINE:
        draft.add(w.BaselineStarted(step=step.key, seconds=seconds))
        end_if_due(draft)
    else:
        if draft.state.watch.own_baseline is None:
            take_baseline(draft, None)
        draft.add(w.WatchStarted(step=step.key, seconds=seconds, baseline=chosen_baseline(draft.state)))


def take_baseline(draft: Draft, step: str | None) -> None:
    """Keep what was sampled so far as what was usual before the deployment."""
    state = draft.state
    windows = [each for each in state.watch.windows if draft.now.since(each.start) <= LONGEST_BASELINE]
    seconds = sum(window.seconds for window in windows)
    signals = summarise(state.plan.signals, windows)
    draft.add(w.BaselineTaken(step=step, seconds=seconds, signals=signals))


def chosen_baseline(state: RunState) -> Baseline:
    """What each signal is judged against: this run's own baseline, or that of the last good runs."""
    own, usual = state.watch.own_baseline or {}, state.plan.usual_signals
    # Before an emergency's fix the application was unwell: that is not what is usual.
    prefer = "history" if state.plan.emergency is not None else state.plan.target.monitor.baseline_from
    chosen = {
        signal.name: choose(own.get(signal.name), usual.get(signal.name), prefer, signal)
        for signal in state.plan.signals
    }
    return {name: baseline for name, baseline in chosen.items() if baseline is not None}


def see_windows(draft: Draft, windows: tuple[SignalWindow, ...]) -> None:
    """Take new windows: judge each signal, raise what has become bad, and end what is through."""
    seen = draft.state.watch.windows
    last = seen[-1].end if seen else None
    new = tuple(each for each in windows if last is None or each.start.since(last).total_seconds() > -0.001)
    if not new:
        return
    draft.add(w.SignalsSampled(windows=new))
    if draft.state.watch.is_on and draft.state.phase is Phase.RUNNING:
        _judge_all(draft)
    end_if_due(draft)


def end_if_due(draft: Draft) -> None:
    """End a baseline that is long enough, and a watch whose whole time was clean."""
    state = draft.state
    waiting = state.watch.waiting_step
    if waiting is not None and baseline_seconds(state) >= state.watch.baseline_seconds:
        take_baseline(draft, waiting)
    if not state.watch.is_on or state.watch.step is None or state.open_triggers:
        return
    if clean_seconds(state) < state.watch.seconds or undecided(state):
        return
    draft.add(w.WatchEnded(step=state.watch.step, clean=True, evidence=summary(state)))
    draft.add(w.BaselineKept(kept=_kept(state, draft.now)))
    _tell_the_end(draft)


def summary(state: RunState) -> str:
    """What a clean watch saw, in one sentence."""
    watched = duration(timedelta(seconds=clean_seconds(state)))
    judged = state.watch.judgements.values()
    warnings = [each.because for each in judged if each.verdict is SignalVerdict.WARNING]
    good = sum(each.verdict is SignalVerdict.GOOD for each in judged)
    open_ = [each.signal for each in judged if each.verdict is SignalVerdict.UNKNOWN]
    parts = [f"{watched} clean: {good} of {len(state.plan.signals)} signals good"]
    parts += [f"warning: {text}" for text in warnings]
    if open_:
        parts.append(f"not judged: {', '.join(open_)}")
    return "; ".join(parts)


def _kept(state: RunState, now: Instant) -> KeptBaseline:
    at = now.datetime()
    return KeptBaseline(
        target=state.plan.target.name,
        hour=round(at.hour + at.minute / 60, 2),
        signals=summarise(state.plan.signals, state.watch.since_start),
    )


def _tell_the_end(draft: Draft) -> None:
    """After a clean watch what only tells the team begins by itself: the run ends without another key."""
    while True:
        step = draft.state.current
        if step is None or step.planned.kind is not StepKind.ANNOUNCE or step.planned.gate:
            return
        if step.status is not StepStatus.PENDING:
            return
        draft.begin(step)
        if draft.state.steps[step.key].status is StepStatus.PENDING:
            return


def end_early(draft: Draft, because: str) -> None:
    """End a watch that is not through, such as for a rollback; it has not passed."""
    watch = draft.state.watch
    if watch.is_on and watch.step is not None:
        seen = duration(timedelta(seconds=clean_seconds(draft.state)))
        needed = duration(timedelta(seconds=watch.seconds))
        evidence = f"ended after {seen} of {needed} clean: {because}"
        draft.add(w.WatchEnded(step=watch.step, clean=False, evidence=evidence))
    elif watch.waiting_step is not None:
        take_baseline(draft, None)


def newest_judgements(state: RunState) -> list[Judgement]:
    """What all of the watch's windows say of each signal now; none before a watch.

    The journal keeps a judgement only where its verdict changes, so that whoever shows one asks here.
    """
    windows = state.watch.since_start
    if not windows:
        return []
    limits = state.plan.target.monitor.limits
    length = timedelta(seconds=state.watch.seconds)
    return [
        _judged(signal, windows, state.watch.baseline.get(signal.name), limits, length)
        for signal in state.plan.signals
    ]


def _judge_all(draft: Draft) -> None:
    for found in newest_judgements(draft.state):
        before = draft.state.watch.judgements.get(found.signal)
        if before is None or _said(before) != _said(found):
            draft.add(w.SignalJudged(judgement=found, before=before.verdict if before else None))
        if found.verdict is SignalVerdict.BAD:
            _raise_for(draft, found)


def _judged(
    signal: Signal,
    windows: Sequence[SignalWindow],
    baseline: SignalBaseline | None,
    limits: Limits,
    length: timedelta,
) -> Judgement:
    """The verdict; a defect in judging one signal is unknown, and keeps no deadline and no other signal."""
    try:
        return judge(signal, windows, baseline, limits, watch=length)
    except Exception as defect:  # noqa: BLE001
        because = f"handrail failed to judge it ({type(defect).__name__}: {defect})"[:300]
        return Judgement(signal=signal.name, verdict=SignalVerdict.UNKNOWN, because=because)


def _said(judgement: Judgement) -> tuple[SignalVerdict, TriggerClass | None]:
    return judgement.verdict, judgement.trigger_class


def _raise_for(draft: Draft, found: Judgement) -> None:
    watch, now = draft.state.watch, draft.now
    step = draft.state.steps[watch.step] if watch.step is not None else None
    given = found.trigger_class or TriggerClass.FAST
    if step is not None and step.planned.on_failure is TriggerClass.IMMEDIATE:
        # A watch among the smoke tests: what it sees is seen while smoke testing.
        given = TriggerClass.IMMEDIATE
    since = _again_since(draft.state, found.signal) or found.evidence_from or now
    raise_once(draft, found.signal, given, found.because, since)


def _again_since(state: RunState, name: str) -> Instant | None:
    """When what is bad each single time, such as a restart, happened again after a person closed it."""
    signal = next((each for each in state.plan.signals if each.name == name), None)
    closed = [t.closed_at for t in state.triggers.values() if t.signal == name and t.closed_at is not None]
    if signal is None or not signal.any_is_bad or not closed:
        return None
    for window in state.watch.between(closed[-1], None):
        tally = window.tallies.get(name)
        if tally is not None and tally.bad:
            return window.start.plus(timedelta(seconds=tally.first_bad or 0.0))
    return None


def raise_once(
    draft: Draft, signal: str, trigger_class: TriggerClass, because: str, evidence_from: Instant
) -> bool:
    """Open a deadline for a signal, once; what a person has closed opens again only on newer evidence."""
    for trigger in draft.state.triggers.values():
        if trigger.signal != signal:
            continue
        if trigger.is_open:
            return False
        if trigger.closed_at is not None and evidence_from.since(trigger.closed_at).total_seconds() <= 0:
            return False
    deadline = deadline_of(draft.state.plan.target, trigger_class, evidence_from)
    draft.add(
        e.TriggerRaised(
            trigger=len(draft.state.triggers) + 1,
            trigger_class=trigger_class,
            because=because,
            step=draft.state.watch.step if draft.state.watch.is_on else None,
            evidence_from=evidence_from,
            deadline=deadline,
            signal=signal,
        )
    )
    target = draft.state.plan.target.name
    until = deadline.datetime().strftime("%H:%M:%S UTC")
    draft.notice(f"Trouble on {target}: {because} The rollback must be done by {until} ({trigger_class}).")
    return True


def look_for_blindness(draft: Draft) -> None:
    """A monitor that sees nothing is a reason of its own: bad, unknown and good are three things."""
    state = draft.state
    if not state.watch.is_on or state.phase is not Phase.RUNNING:
        return
    if (found := blindness(state, draft.now)) is not None:
        for_long = duration(draft.now.since(found.since))
        because = f"The monitor has been blind for {for_long}: {found.what}."
        raise_once(draft, e.BLIND, state.plan.target.monitor.blind, because, found.since)
