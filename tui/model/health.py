"""The one health sentence: state and link in, a glyph, a word and the reasons out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.events.state import AlertView, State
from engine.events.types import SessionState, Severity
from tui.model.link import FeedStatus, LinkState
from tui.render import formats

FAILED_RECENTLY_S = 300.0
"""Seconds that a failed session counts against health."""
QUEUE_LATE_S = 10.0
"""Seconds of waiting from which the queue is a reason."""
QUEUE_STUCK_S = 60.0
"""Seconds of waiting, with nothing running, from which the pool is critical."""
NOTICE_S = 120.0
"""Seconds that a critical notice counts."""
_MINUTE = 60.0
_ERRORS_MIN = 3
_REFUSING = frozenset({"open", "forced_open"})


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """How things are: `role` colours glyph and word, `reasons` are in words, `hint` is the next key and its text."""

    glyph: str
    word: str
    role: str
    reasons: tuple[str, ...]
    hint: str = ""

    @property
    def sentence(self) -> str:
        """The reasons as one line."""
        return " · ".join(self.reasons)


class KeyNames(Protocol):
    """The operator's keys, for what the sentence names."""

    def shown(self, action: str) -> str:
        """The key of an action, as a person names it."""


@dataclass(frozen=True, slots=True)
class View:
    """How the operator looks: what the verdict needs besides the state."""

    now: float
    keys: KeyNames
    age: float = 0.0
    has_data: bool = True
    read_only: bool = False
    frozen_at: float = 0.0
    past_at: float = 0.0
    meanwhile: tuple[str, ...] = ()
    unreadable: int = 0
    can_retry: bool = False


def verdict(state: State, status: FeedStatus, view: View) -> HealthSummary:
    """The sentence of line 2; the same for every screen."""
    inner = _gone(state, status, view)
    if view.past_at:
        inner = inner or _pool(state, view)
        ago = f"{formats.span(view.now - view.past_at)} ago, {formats.clock(view.past_at)}"
        return HealthSummary(
            "◀",
            "PAST",
            "ask",
            (ago, f"the pool goes on: {inner.glyph} {inner.word}"),
            f"{view.keys.shown('time.live')} live",
        )
    if inner is not None:
        return inner
    inner = _pool(state, view)
    if view.frozen_at:
        held = f"view held at {formats.clock(view.frozen_at)} ({formats.span(view.now - view.frozen_at)})"
        runs = f"pool runs on: {inner.glyph} {inner.word}"
        return HealthSummary(
            "‖", "FROZEN", "ask", (held, *view.meanwhile, runs), f"{view.keys.shown('view.freeze')} unfreeze"
        )
    if view.read_only:
        reasons = (f"{inner.glyph} {inner.word}", *inner.reasons)
        return HealthSummary(
            "r", "READ-ONLY", inner.role, reasons, f"{view.keys.shown('view.read_only')} actions are off"
        )
    return inner


def _gone(state: State, status: FeedStatus, view: View) -> HealthSummary | None:
    if status.link is LinkState.REPLAY and view.has_data:
        play, more, less = (view.keys.shown(name) for name in ("time.play", "view.faster", "view.slower"))
        return HealthSummary("▶", "REPLAY", "ask", _played(state, status), f"{play} play  {more} {less} speed")
    if state.engine.phase == "stopped":
        return HealthSummary(
            "■", "NO ENGINE", "fail", ("the engine has stopped",), f"{view.keys.shown('console.leave')} quit"
        )
    if status.link is LinkState.LOST:
        reasons = [
            f"last data {formats.span(view.age)} old" if view.has_data else f"nothing heard from {status.source}"
        ]
        if status.retry_in > 0:
            reasons.append(f"retry {status.attempt} in {formats.span(status.retry_in)}")
        if status.detail:
            reasons.append(status.detail)
        return HealthSummary(
            "■",
            "NO ENGINE",
            "fail",
            tuple(reasons),
            f"{view.keys.shown('view.retry')} retry now" if view.can_retry else "",
        )
    if status.link is LinkState.CONNECTING or not view.has_data:
        return HealthSummary("◌", "CONNECTING", "wait", (status.detail or status.source or "starting",))
    return None


def _played(state: State, status: FeedStatus) -> tuple[str, ...]:
    shown = (status.source, status.detail, status.missing, formats.clock(status.at or state.at))
    return tuple(filter(None, shown))


def _pool(state: State, view: View) -> HealthSummary:
    asked = _approvals(state, view.now)
    hint = f"{view.keys.shown('approvals.review')} review" if asked else ""
    if state.engine.phase == "draining":
        running = sum(1 for row in state.sessions.values() if row.request)
        left = f"{formats.plural(running, 'turn')} still running"
        return HealthSummary("▲", "DRAINING", "retry", ("no new work is taken", left, *asked), hint)
    if critical := _critical(state, view.now):
        return HealthSummary("✖", "CRITICAL", "fail", (*critical, *asked), hint)
    if degraded := _degraded(state, view):
        return HealthSummary("▲", "DEGRADED", "retry", (*degraded, *asked), hint)
    return HealthSummary("●", "HEALTHY", "run", asked or ("nothing needs you",), hint)


def _approvals(state: State, now: float) -> tuple[str, ...]:
    if not state.permissions:
        return ()
    oldest = min(asked.asked_at for asked in state.permissions.values())
    return (f"? {formats.plural(len(state.permissions), 'approval')}, oldest {formats.span(now - oldest)}",)


def _critical(state: State, now: float) -> list[str]:
    reasons = []
    reasons += _all_refuse(state)
    reasons += [alert_sentence(alert) for alert in alerts_of(state, now, Severity.CRITICAL)]
    wait = oldest_wait(state, now)
    if wait >= QUEUE_STUCK_S and not any(row.request for row in state.sessions.values()):
        why = waits_for(state)
        reasons.append(f"nothing runs and the queue waits {formats.span(wait)}" + (f" for {why}" if why else ""))
    reasons += [
        line.text
        for line in state.recent[-20:]
        if line.severity is Severity.CRITICAL and now - line.at < NOTICE_S and line.at <= now
    ][-1:]
    return reasons


def _all_refuse(state: State) -> list[str]:
    """That no credential, or no model, lets a call through; a tool's or a session's breaker stops only that."""
    words = {**dict.fromkeys(state.breaker_figures, "closed"), **state.breakers}
    found = []
    for kind in ("credential", "model"):
        names = [name for name in words if name.startswith(f"{kind}:")]
        if names and all(words[name] in _REFUSING for name in names):
            found.append(f"the breakers of all {len(names)} {kind}s are open" if len(names) > 1 else f"{names[0]} open")
    return found


def _degraded(state: State, view: View) -> list[str]:
    now = view.now
    reasons = [f"{name} {word.replace('_', '-')}" for name, word in sorted(state.breakers.items()) if word != "closed"]
    reasons += [alert_sentence(alert) for alert in alerts_of(state, now, Severity.WARNING)]
    if failed := len(recent_failures(state, now)):
        reasons.append(f"{formats.plural(failed, 'session')} failed")
    retrying = sum(1 for row in state.sessions.values() if row.state is SessionState.RETRYING)
    if retrying:
        reasons.append(f"{retrying} retrying")
    turns, errors = last_minute(state, now)
    if errors >= _ERRORS_MIN and errors * 5 >= turns:
        reasons.append(f"{formats.plural(errors, 'error')} in the last minute")
    if (wait := oldest_wait(state, now)) >= QUEUE_LATE_S:
        why = waits_for(state)
        reasons.append(f"queue waits {formats.span(wait)}" + (f" for {why}" if why else ""))
    if view.unreadable:
        reasons.append(f"{formats.plural(view.unreadable, 'event')} could not be read")
    return reasons


def alerts_of(state: State, now: float, severity: Severity) -> list[AlertView]:
    """Alerts of a severity that fire and that nobody silenced; what an open breaker reports already is left out."""
    return [
        alert
        for alert in state.alerts.values()
        if alert.severity is severity and alert.silenced_until <= now and alert.subject not in state.breakers
    ]


def alert_sentence(alert: AlertView) -> str:
    """An alert in a few words."""
    return alert.text or f"{alert.rule} {alert.subject}".rstrip()


def oldest_wait(state: State, now: float) -> float:
    """Seconds that the oldest request without a session waits; requests in a retry delay are not counted."""
    waits = [now - r.queued_at for r in state.requests.values() if not r.session and not r.retry_at]
    return max(waits, default=0.0)


def waits_for(state: State) -> str:
    """What the oldest request without a session waits for, as far as it is known."""
    waiting = [r for r in state.requests.values() if not r.session and not r.retry_at]
    return min(waiting, key=lambda r: r.queued_at).waits_for if waiting else ""


def recent_failures(state: State, now: float) -> list[str]:
    """Ids of sessions that are failed, or ended failed within FAILED_RECENTLY_S."""
    alive = [row.id for row in state.sessions.values() if row.state is SessionState.FAILED]
    ended = [row.id for row in state.ended if row.state is SessionState.FAILED and now - row.since < FAILED_RECENTLY_S]
    return alive + ended


def last_minute(state: State, now: float) -> tuple[int, int]:
    """Turns and errors of the last minute."""
    buckets = [b for b in state.buckets[-8:] if b.start > now - _MINUTE - 10]
    return sum(b.turns for b in buckets), sum(b.errors for b in buckets)
