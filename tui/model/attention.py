"""What needs a person, most urgent first, each with the next step. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from engine.events.state import AlertView, State
from engine.events.types import SessionState, Severity
from tui.model.health import NOTICE_S, QUEUE_LATE_S, oldest_wait, recent_failures, waits_for
from tui.render import formats

LAPSED_S = 3600.0
"""Time for which an approval that nobody answered stays in the list."""
NAMED = 4
"""Sessions named in a line; more are counted."""


@dataclass(frozen=True, slots=True)
class Attention:
    """One line: `session` opens its transcript, else `screen` that screen, else `filter_text` Sessions with it.

    What has none of them is opened to be read whole.
    """

    glyph: str
    role: str
    subject: str
    since: str
    detail: str
    session: str = ""
    filter_text: str = ""
    screen: str = ""


def attention(state: State, now: float) -> list[Attention]:
    """The list of the Overview; empty when nothing needs anybody."""
    return [
        *_approvals(state, now),
        *_lapsed(state, now),
        *_notices(state, now),
        *_breakers(state),
        *_alerts(state, now),
        *_failed(state, now),
        *_retrying(state),
        *_draining(state),
        *_queue(state, now),
    ]


def _approvals(state: State, now: float) -> list[Attention]:
    waiting = sorted(state.permissions.values(), key=lambda asked: asked.asked_at)
    if not waiting:
        return []
    oldest = waiting[0]
    since = f"oldest {formats.span(now - oldest.asked_at)}"
    if len(waiting) == 1:
        detail = f"{oldest.session}  {oldest.tool} {oldest.summary}"
    else:
        detail = " · ".join(f"{tool} {n}" for tool, n in Counter(a.tool for a in waiting).most_common(4))
    subject = formats.plural(len(waiting), "approval")
    return [
        Attention("?", "ask", subject, since, detail, oldest.session if len(waiting) == 1 else "", "state:approval")
    ]


def _lapsed(state: State, now: float) -> list[Attention]:
    """Approvals that were denied because nobody answered: work went on without them."""
    lapsed = [each for each in state.lapsed if 0 <= now - each.at < LAPSED_S]
    if not lapsed:
        return []
    last = lapsed[-1]
    subject = f"{formats.plural(len(lapsed), 'approval')} lapsed"
    detail = f"denied, nobody answered: {last.tool} {last.summary}".rstrip()
    return [Attention("✖", "fail", subject, f"{formats.span(now - last.at)} ago", detail, last.session)]


def _notices(state: State, now: float) -> list[Attention]:
    found = [
        line
        for line in state.recent
        if line.mark == "notice" and line.severity is Severity.CRITICAL and 0 <= now - line.at < NOTICE_S
    ]
    return [
        Attention("✖", "fail", line.subject, formats.span(now - line.at), f"{line.text}  {line.remedy}".rstrip())
        for line in found[-2:]
    ]


def _breakers(state: State) -> list[Attention]:
    lines = []
    for name, word in sorted(state.breakers.items()):
        if word != "closed":
            role = "fail" if word == "open" else "retry"
            of_it = (line.text for line in reversed(state.recent) if (line.mark, line.subject) == ("breaker", name))
            last = next(of_it, "")
            lines.append(Attention("▲", role, f"{name} {word.replace('_', '-')}", "", last, screen="recovery"))
    return lines


def _alerts(state: State, now: float) -> list[Attention]:
    """Alerts that nobody silenced; an open breaker has its own line."""
    shown = [a for a in state.alerts.values() if a.silenced_until <= now and a.subject not in state.breakers]
    order = [Severity.CRITICAL, Severity.WARNING, Severity.INFO]
    roles = {Severity.CRITICAL: ("✖", "fail"), Severity.WARNING: ("▲", "retry"), Severity.INFO: ("·", "muted")}
    return [
        Attention(
            *roles[alert.severity], alert.rule, formats.span(now - alert.since), _remedied(alert), screen="alerts"
        )
        for alert in sorted(shown, key=lambda each: order.index(each.severity))[:NAMED]
    ]


def _remedied(alert: AlertView) -> str:
    return f"{alert.text}  {alert.remedy}".rstrip()


def _failed(state: State, now: float) -> list[Attention]:
    failed = recent_failures(state, now)
    if not failed:
        return []
    rows = {row.id: row for row in [*state.ended, *state.sessions.values()]}
    names = " ".join(failed[-NAMED:]) + (" …" if len(failed) > NAMED else "")
    why = rows[failed[-1]].last_error
    subject = f"{formats.plural(len(failed), 'session')} failed"
    single = failed[0] if len(failed) == 1 else ""
    return [Attention("✖", "fail", subject, "", f"{names}  {why}".rstrip(), single, "state:failed")]


def _retrying(state: State) -> list[Attention]:
    rows = [row for row in state.sessions.values() if row.state is SessionState.RETRYING]
    lines = []
    if rows:
        subject = f"{formats.plural(len(rows), 'session')} retrying"
        lines.append(Attention("▲", "retry", subject, "", rows[-1].activity or rows[-1].reason, "", "state:retrying"))
    waiting = [request for request in state.requests.values() if request.retry_at and not request.session]
    if waiting:
        worst = max(request.attempts for request in waiting)
        subject = f"{formats.plural(len(waiting), 'request')} back off"
        lines.append(Attention("▲", "retry", subject, f"attempt {worst}", waiting[-1].prompt, screen="queue"))
    return lines


def _draining(state: State) -> list[Attention]:
    if state.engine.phase != "draining":
        return []
    running = sum(1 for row in state.sessions.values() if row.request)
    detail = f"{formats.plural(running, 'turn')} may finish; no new work"
    return [Attention("▲", "retry", "draining", "", detail, screen="sessions")]


def _queue(state: State, now: float) -> list[Attention]:
    wait = oldest_wait(state, now)
    if wait < QUEUE_LATE_S:
        return []
    number = sum(1 for request in state.requests.values() if not request.session and not request.retry_at)
    why = waits_for(state)
    detail = f"for {why} · " if why else ""
    busy = sum(1 for row in state.sessions.values() if row.request)
    detail += f"target {QUEUE_LATE_S:.0f}s · {busy} of {state.engine.max_size or '?'} sessions in use"
    return [Attention("·", "muted", f"queue {number}", f"oldest {formats.span(wait)}", detail, screen="queue")]
