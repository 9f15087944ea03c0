"""The blocks of the Queue screen as lines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.events.state import RequestView, State
from tui import formats
from tui.spans import Line, between, crop, fit, rule
from tui.trends import RECENT_S
from tui.widgets.plots import area

PRIORITIES = ("urgent", "high", "medium", "low")


def ordered(state: State) -> list[RequestView]:
    """Those that wait first, by the time they came; then those that run."""
    return sorted(state.requests.values(), key=lambda view: (bool(view.session), view.queued_at))


def state_of(view: RequestView, now: float) -> tuple[str, str, str]:
    """Glyph, role and word of where a request is."""
    if view.session:
        return "●", "run", "running"
    if view.retry_at > now:
        return "▲", "retry", "backs off"
    return "▸", "wait", "waiting"


def head(state: State, now: float, width: int) -> list[Line]:
    """How much waits, how fast it goes, how long it takes."""
    waiting = [view for view in state.requests.values() if not view.session]
    running = len(state.requests) - len(waiting)
    oldest = max((now - view.queued_at for view in waiting), default=0.0)
    turns = sum(found.turns for found in state.buckets if found.start > now - RECENT_S)
    by = Counter(view.priority for view in waiting)
    parts = "  ".join(f"{name} {by[name]}" for name in PRIORITIES if by[name]) or "nothing waits"
    left: Line = [(f" waiting {len(waiting)}   running {running}   ", ""), (parts, "muted")]
    right: Line = [(f"oldest {formats.span(oldest)}   out {turns / RECENT_S:.1f}/s ", "")]
    lines = [between(left, right, width)]
    pool = state.pool
    if pool is not None:
        wait, wake = pool.wait, pool.wake
        text = f" wait p50 {formats.took(wait.p50)} p95 {formats.took(wait.p95)} p99 {formats.took(wait.p99)}"
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
    return crop([(" by user  ", "muted"), (text or "nobody", "")], width)


def table(rows: Sequence[RequestView], cursor: str, now: float, width: int, height: int) -> list[Line]:
    """The requests, the cursor's in sight."""
    wide = width >= 100
    middle = "USER       PROFILE    PRIORITY " if wide else ""
    title = f"   ID             STATE     AGE    {middle}TRY SESSION PROMPT"
    lines: list[Line] = [[(fit(title, width), "muted")]]
    at = next((n for n, view in enumerate(rows) if view.id == cursor), 0)
    top = max(0, min(at - (height - 1) // 2, len(rows) - (height - 1)))
    for view in rows[top : top + height - 1]:
        on = view.id == cursor
        glyph, role, word = state_of(view, now)
        who = f"{fit(view.user, 10)} {fit(view.profile, 10)} {fit(view.priority, 8)} " if wide else ""
        plain = "cursor" if on else ""
        lines.append(
            crop(
                [
                    ("▌" if on else " ", plain),
                    (f"  {fit(view.id, 12)} ", plain),
                    (f"{glyph} ", role),
                    (f"{fit(word, 9)} {fit(formats.coarse(now - view.queued_at), 5)}  {who}", plain),
                    (f"{view.attempts or '–':>2}  {fit(view.session or '–', 7)} {view.prompt}", plain),
                ],
                width,
            )
        )
    return lines if rows else [*lines, [("  nothing is on its way; P sends a prompt", "muted")]]
