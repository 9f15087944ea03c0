"""The blocks of the Queue screen as lines. Pure."""

from __future__ import annotations

from collections import Counter

from engine.events.state import RequestView, State
from tui.actions.keymap import Keymap
from tui.model.columns import Column
from tui.model.list_state import ListState
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.model.trends import RECENT_S
from tui.render import formats
from tui.render.plots import area
from tui.render.spans import Line, between, crop, fit, rule
from tui.screens import list_lines

PRIORITIES = ("urgent", "high", "medium", "low")


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
    parts = "  ".join(f"{name} {by[name]}" for name in PRIORITIES if by[name]) or "nothing waits"
    left: Line = [(f"waiting {len(waiting)}   running {running}   ", ""), (parts, "muted")]
    right: Line = [(f"oldest {formats.span(oldest)}   out {turns / RECENT_S:.1f}/s ", "")]
    lines = [between(left, right, width)]
    pool = state.pool
    if pool is not None:
        wait, wake = pool.wait, pool.wake
        text = f"wait p50 {formats.took(wait.p50)} p95 {formats.took(wait.p95)} p99 {formats.took(wait.p99)}"
        wakes = f"   wake p95 {formats.took(wake.p95)}   {pool.active} of {pool.size} sessions busy: {pool.reason}"
        lines.append(crop([(text, ""), (wakes, "muted")], width))
    return lines


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
    return PRIORITIES.index(view.priority) if view.priority in PRIORITIES else len(PRIORITIES)


def table(shown: ListState[RequestView], now: float, width: int, height: int, keys: Keymap) -> list[Line]:
    """The requests, the cursor's in sight."""
    lines = list_lines.table(shown, now, width, height)
    if shown.order:
        return lines
    empty = f"nothing is on its way; {keys.shown('queue.prompt')} sends a prompt"
    return [*lines, [(f"  {list_lines.nothing(shown, empty, keys.shown('queue.back'))}", "muted")]]
