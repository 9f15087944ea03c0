"""The blocks of the Queue screen as lines. Pure."""

from __future__ import annotations

from collections import Counter

from engine.events.quota_state import QuotaView
from engine.events.state import RequestView, State
from engine.requests import PRIORITIES
from tui.actions.keymap import Keymap
from tui.model.columns import Column
from tui.model.list_state import ListState
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.model.trends import RECENT_S
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.plots import area
from tui.render.spans import Line, Span, between, crop, fit, rule
from tui.screens import list_lines

LANES = PRIORITIES[::-1]
"""The priorities from the highest."""
_QUOTAS = {"allowed": "", "allowed_warning": ", near its limit", "rejected": ", used up"}
_DROPS = {"full": "queue full", "codel": "by codel", "hopeless": "hopeless before their deadline"}


def _state(view: RequestView, now: float) -> tuple[str, str, str]:
    """Glyph, role and word of where a request is."""
    if view.session:
        return "●", "run", "running"
    if view.retry_at > now:
        return "▲", "retry", f"retry {formats.coarse(view.retry_at - now)}"
    return "▸", "wait", "waiting"


def head(state: State, now: float, width: int) -> list[Line]:
    """How much waits, how fast it goes, how long it takes."""
    waiting = [view for view in state.requests.values() if not view.session]
    running = len(state.requests) - len(waiting)
    oldest = max((now - view.queued_at for view in waiting), default=0.0)
    turns = sum(found.turns for found in state.buckets if found.start > now - RECENT_S)
    by = Counter(view.priority for view in waiting)
    parts = "  ".join(f"{name} {by[name]}" for name in LANES if by[name]) or "nothing waits"
    left: Line = [(f"waiting {len(waiting)}   running {running}   ", ""), (parts, "muted")]
    drain = (
        f"   drain {formats.span(state.queue.drain_time)}" if state.queue is not None and state.queue.drain_time else ""
    )
    right: Line = [(f"oldest {formats.span(oldest)}   out {turns / RECENT_S:.1f}/s{drain} ", "")]
    lines = [between(left, right, width)]
    pool = state.pool
    if pool is not None:
        wait, wake = pool.wait, pool.wake
        text = f"wait p50 {formats.took(wait.p50)} p95 {formats.took(wait.p95)} p99 {formats.took(wait.p99)}"
        wakes = f"   wake p95 {formats.took(wake.p95)}   {pool.active} of {pool.size} sessions busy: {pool.reason}"
        lines.append(crop([(text, ""), (wakes, "muted")], width))
    return lines


def lanes(state: State, width: int, *, whole: bool) -> list[Line]:
    """The priorities with their bounds and waits; those alone in which somebody waits, where it is not `whole`."""
    queue = state.queue
    if queue is None or not (whole or queue.waiting):
        return []
    lines = [rule("PRIORITIES", width), [(f"{'':9}{'WAITING':>8}{'OLDEST':>9}{'WAIT p50 / p95':>18}", "muted")]]
    lines[1][0] = (f"{lines[1][0][0]}{'WEIGHT':>9}{'MOST':>8}  WHEN FULL", "muted")
    for lane in queue.lanes:
        if not (whole or lane.waiting):
            continue
        oldest = formats.span(lane.oldest) if lane.waiting else "–"
        waits = f"{formats.took(lane.wait_p50)} / {formats.took(lane.wait_p95)}"
        most = str(lane.max_waiting or queue.max_waiting)
        text = f"{lane.name:9}{lane.waiting:>8}{oldest:>9}{waits:>18}{lane.weight:>9g}{most:>8}  {lane.drop}"
        lines.append(crop([(text, "" if lane.waiting else "muted")], width))
    return lines


def limits(state: State, now: float, width: int) -> list[Line]:
    """What limits the requests that run at once, why, and when more may; what the queue has dropped."""
    queue = state.queue
    if queue is None:
        return []
    lines: list[Line] = []
    for each in queue.limits:
        if each.limit is not None:
            step = f"   more in {formats.span(each.next_step)}" if each.next_step is not None else ""
            reason = f"   {each.reason}" if each.reason else ""
            said = f"limit  {each.name}: {each.running} of {each.limit} may run{step}{reason}"
            lines.append(crop([(said, "retry")], width))
    lines += [crop([_quota(each, now)], width) for each in state.quotas.values() if not each.is_over(now)]
    if queue.dropped:
        causes = ", ".join(f"{number} {_DROPS.get(cause, cause)}" for cause, number in sorted(queue.dropped.items()))
        lines.append(crop([(f"dropped so far: {causes}", "fail")], width))
    return lines


def _quota(each: QuotaView, now: float) -> Span:
    """A plan's limit: how much of it is used, and when it resets."""
    used = f" {each.used:.0%} used" if each.used is not None else ""
    status = _QUOTAS.get(each.status, f", {each.status.replace('_', ' ')}")
    resets = f"   resets in {formats.span(each.resets_at - now)}" if each.resets_at is not None else ""
    paid = "   what is beyond it is paid for" if each.overage else ""
    role = {"allowed": "muted", "rejected": "fail"}.get(each.status, "retry")
    return f"quota  {clean(each.credential)} {clean(each.limit)}:{used}{clean(status)}{resets}{paid}", role


def trend(state: State, now: float, width: int, height: int) -> list[Line]:
    """Turns a minute over the last hour."""
    minutes = [0.0] * 60
    for found in state.buckets:
        ago = int((now - found.start) // 60)
        if 0 <= ago < 60:
            minutes[59 - ago] += found.turns
    shown = minutes[-min(60, width - 2) :]
    lines = [rule(f"TURNS A MINUTE  now {minutes[-1]:.0f}", width)]
    return lines + [[(" ", ""), (row, "run")] for row in area(shown, len(shown), height)]


def users(state: State, width: int) -> Line:
    """Who has most on the way."""
    counted = Counter(view.user or "nobody" for view in state.requests.values()).most_common(6)
    text = "   ".join(f"{fit(name, min(20, len(name)))} {number}" for name, number in counted)
    return crop([("by user  ", "muted"), (text or "nobody", "")], width)


def _state_text(view: RequestView, now: float) -> str:
    glyph, _role, word = _state(view, now)
    return f"{glyph} {word}"


def _begins(view: RequestView, now: float) -> str:
    """When it should begin, about."""
    return f"~{formats.coarse(view.expected_at - now)}" if view.expected_at and not view.session else "–"


QUEUE: Listing[RequestView] = Listing(
    "queue",
    "request",
    (
        Column("id", "ID", 12, 0, lambda r, _: r.id, lambda r: r.id, lambda r, _: r.id),
        Column(
            "state", "STATE", 11, 1, _state_text, lambda r: (float(bool(r.session)), r.queued_at),
            lambda r, now: _state(r, now)[2], timed=True, role=lambda r: "run" if r.session else "wait",
        ),
        Column(
            "age", "AGE", 4, 2, lambda r, now: formats.coarse(now - r.queued_at), lambda r: -r.queued_at,
            lambda r, now: round(now - r.queued_at, 3), "right", timed=True, most_first=True, unit="seconds",
        ),
        Column(
            "position", "POS", 4, 2, lambda r, _: str(r.position or "–"), lambda r: r.position or 1_000_000,
            lambda r, _: r.position or None, "right", unit="count",
        ),
        Column(
            "begins", "BEGINS", 7, 4, _begins, lambda r: r.expected_at or 1e12,
            lambda r, now: round(max(0.0, r.expected_at - now), 3) if r.expected_at else None, "right", timed=True,
            unit="seconds",
        ),
        Column("user", "USER", 10, 6, lambda r, _: r.user or "–", lambda r: r.user, lambda r, _: r.user),
        Column("profile", "PROFILE", 10, 7, lambda r, _: r.profile, lambda r: r.profile, lambda r, _: r.profile),
        Column(
            "priority", "PRIORITY", 9, 8, lambda r, _: r.priority, lambda r: float(_urgency(r)), lambda r, _: r.priority
        ),
        Column(
            "tries", "TRY", 4, 5, lambda r, _: str(r.attempts or "–"), lambda r: r.attempts, lambda r, _: r.attempts,
            "right", most_first=True, unit="count",
        ),
        Column("session", "SESSION", 8, 4, lambda r, _: r.session or "–", lambda r: r.session, lambda r, _: r.session),
        Column("waits", "WAITS FOR", 20, 9, lambda r, _: r.waits_for or "–", lambda r: r.waits_for,
               lambda r, _: r.waits_for),
        Column("prompt", "PROMPT", 24, 3, lambda r, _: r.prompt, lambda r: r.prompt.lower(), lambda r, _: r.prompt,
               flex=True),
    ),
    lambda view: view.id,
    lambda view: command("queue", "show", view.id),
    Sort("state"),
)  # fmt: skip
"""The requests; those that wait come first, by the time they came."""


def _urgency(view: RequestView) -> int:
    return LANES.index(view.priority) if view.priority in LANES else len(LANES)


def table(shown: ListState[RequestView], now: float, width: int, height: int, keys: Keymap) -> list[Line]:
    """The requests, the cursor's in sight."""
    lines = list_lines.table(shown, now, width, height)
    if shown.order:
        return lines
    empty = f"nothing is on its way; {keys.shown('queue.prompt')} sends a prompt"
    return [*lines, [(f"  {list_lines.nothing(shown, empty, keys.shown('queue.back'))}", "muted")]]
