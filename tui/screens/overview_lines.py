"""The blocks of the Overview as lines. Pure: state, time and size in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.base.percentiles import nearest_rank
from engine.events.state import RecentLine, State
from engine.events.types import PoolStatistics, SessionState, Severity
from tui.actions.keymap import Keymap
from tui.model.attention import Attention
from tui.model.columns import Column
from tui.model.tables import Listing, command
from tui.model.trends import Trend, Trends
from tui.render import formats
from tui.render.glyphs import STATE_ROLES
from tui.render.plots import area, gauge, parts
from tui.render.spans import Line, between, columns, crop, fit, rule, width_of
from tui.render.wrapping import whole_lines
from tui.screens.header import counts_line, fitting_words, tally_states

_BAR_CHARS = {SessionState.IDLE: "─", SessionState.STARTING: "╍"}
SUBJECT = 28
"""Cells of what a line is about, at most."""
_MARKS = {
    "done": ("✔", "run"),
    "failed": ("✖", "fail"),
    "refused": ("▲", "retry"),
    "retry": ("▲", "retry"),
    "tuning": ("⟳", "wait"),
    "breaker": ("●", "retry"),
    "operator": ("»", "ask"),
    "ended": ("○", "muted"),
    "notice": ("·", "muted"),
}


def composition(state: State, failed: int, trends: Trends, width: int) -> list[Line]:
    """How many sessions are in which state, as counts and as one bar."""
    right: Line = [
        (f"{formats.money(trends.cost_an_hour)}/h  ", ""),
        (f"{formats.count(state.totals.turns)} turn{'' if state.totals.turns == 1 else 's'} ", ""),
    ]
    tally = tally_states(state)
    tally[SessionState.FAILED] = failed
    order = (*(s for s in SessionState if s not in {SessionState.IDLE, SessionState.FAILED}), SessionState.IDLE)
    shares = [(float(tally[s]), _BAR_CHARS.get(s, "━"), STATE_ROLES[s]) for s in (*order, SessionState.FAILED)]
    words = fitting_words(state, failed, width - 2 - width_of(right))
    counts: Line = [(" ", ""), *counts_line(state, failed, words)]
    return [between(counts, right, width), [(" ", ""), *parts(shares, width - 2)]]


def trend_blocks(trends: Trends, width: int, height: int) -> list[Line]:
    """The three charts side by side: a head line, `height` rows, and a time axis when there is room."""
    gap = 2
    each = (width - 2 - 2 * gap) // 3
    turn = f"TURN p95 {formats.took(trends.p95.now)}"
    if each >= 34:
        turn = f"TURN p50 {formats.took(trends.p50)} p95 {formats.took(trends.p95.now)}"
    speed = f"{'THROUGHPUT ' if each >= 34 else ''}{formats.count(trends.tokens.now)} tok/s"
    wrong = f"{'ERRORS' if each >= 34 else 'ERR'} {trends.errors.now:.1f}/min"
    blocks = [
        _chart(speed, trends.tokens, each, height, "run", (trends.span, formats.count)),
        _chart(turn, trends.p95, each, height, "wait", (trends.span, formats.took)),
        _chart(wrong, trends.errors, each, height, "retry", (trends.span, "{:.0f}/min".format)),
    ]
    lines = columns(blocks[0], blocks[1], each + gap, width)
    lines = columns(lines, blocks[2], 2 * (each + gap), width)
    return [[(" ", ""), *crop(line, width - 1)] for line in lines]


def _chart(
    title: str, trend: Trend, width: int, height: int, role: str, axes: tuple[float, Callable[[float], str]]
) -> list[Line]:
    """A chart; `axes` are the seconds that it covers, and its unit in words."""
    lines: list[Line] = [rule(f"{title}{_change(trend)}", width)]
    rows = area(trend.values, width, height)
    lines += [[(row, role)] for row in rows]
    if height >= 5:
        span, unit = axes
        left, top = f"-{_whole_minutes(span)}", f"top {unit(max(trend.values, default=0.0))}"
        middle = max(1, width - len(left) - len("now"))
        lines.append([(f"{left}{top:^{middle}}now"[:width], "muted")])
    return lines


def _whole_minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f}m" if seconds % 60 == 0 else formats.span(seconds)


def _change(trend: Trend) -> str:
    if trend.change is None or abs(trend.change) < 0.005:
        return ""
    arrow = "▲" if trend.change > 0 else "▼"
    return f" {arrow}{min(999, round(abs(trend.change) * 100))}%"


def _command(item: Attention) -> str:
    if item.session:
        return command("sessions", "show", item.session)
    return command("sessions", "list") if item.filter_text else command("alerts")


ATTENTION: Listing[Attention] = Listing(
    "overview",
    "line",
    (
        Column("subject", "SUBJECT", SUBJECT, 0, lambda r, _: r.subject, lambda r: r.subject, lambda r, _: r.subject),
        Column("since", "SINCE", 12, 1, lambda r, _: r.since, lambda r: r.since, lambda r, _: r.since),
        Column("detail", "DETAIL", 40, 2, lambda r, _: r.detail, lambda r: r.detail, lambda r, _: r.detail),
        Column("session", "SESSION", 7, 3, lambda r, _: r.session, lambda r: r.session, lambda r, _: r.session),
    ),
    lambda item: item.subject,
    _command,
)
"""What needs a person."""


def attention_block(items: Sequence[Attention], cursor: int, width: int, height: int, keys: Keymap) -> list[Line]:
    """What needs a person; the first line is the title."""
    note = f"{keys.shown('overview.open')} opens" if items else ""
    title = rule(f"ATTENTION {len(items)}" if items else "ATTENTION", width, note)
    if not items:
        return [title, [(" ● ", "run"), ("nothing needs you", "")]]
    return [title, *(line for _index, line in attention_rows(items, cursor, width, height - 1))]


def attention_rows(items: Sequence[Attention], cursor: int, width: int, height: int) -> list[tuple[int, Line]]:
    """The lines of the items around the cursor, each with the item's number; a detail is whole where there is room."""
    if not items:
        return []
    subject = min(SUBJECT, max(len(item.subject) for item in items))
    since = max(len(item.since) for item in items)
    top = max(0, min(cursor - height + 1, len(items) - height))
    shown = list(enumerate(items))[top : top + height]
    spare, room = height - len(shown), max(8, width - 7 - subject - since)
    rows: list[tuple[int, Line]] = []
    for index, item in shown:
        on = index == cursor
        parts = whole_lines(item.detail, room, 1 + spare)
        spare -= len(parts) - 1
        for number, part in enumerate(parts):
            head = f"{fit(item.subject, subject)}  {fit(item.since, since)}  "
            head, glyph = (head, f"{item.glyph} ") if not number else (" " * width_of([(head, "")]), "  ")
            lead: Line = [("▌" if on else " ", "cursor" if on else ""), (glyph, "cursor" if on else item.role)]
            rows.append((index, [*lead, (head, "cursor" if on else ""), (part, "cursor" if on else "muted")]))
    return rows


def recent_block(recent: Sequence[RecentLine], width: int, height: int) -> list[Line]:
    """What happened, newest first."""
    lines = [rule("RECENT", width)]
    shown = list(recent)[::-1][: max(0, height - 1)]
    subject = min(22 if width >= 70 else 13, max((len(line.subject) for line in shown), default=0))
    for line in shown:
        glyph, role = _MARKS.get(line.mark, ("·", "muted"))
        if line.mark == "notice" and line.severity is not Severity.INFO:
            glyph, role = _MARKS["failed" if line.severity is Severity.CRITICAL else "retry"]
        head: Line = [(f"  {formats.clock(line.at)}  ", "muted"), (f"{glyph} ", role)]
        lines.append(
            [*head, (fit(line.subject, subject), ""), (fit(f"  {line.text}", max(0, width - subject - 14)), "")]
        )
    if len(lines) == 1:
        lines.append([("  nothing has happened yet", "muted")])
    return lines


def pool_block(state: State, width: int) -> list[Line]:
    """Size against its limit, the engine's own use, breakers that are known."""
    engine = state.engine
    used, limit = sum(row.state is not SessionState.PARKED for row in state.sessions.values()), engine.max_size
    bar = max(6, width - 28)
    lines = [rule(f"POOL {engine.backend}", width, engine.version)]
    lines.append(
        [(" sessions ", "muted"), *gauge(used / limit if limit else 0.0, bar), (f" {used} of {limit or '?'}", "")]
    )
    busy = sum(1 for row in state.sessions.values() if row.request)
    lines.append([(" busy     ", "muted"), *gauge(busy / used if used else 0.0, bar), (f" {busy} of {used}", "")])
    memory = sum(row.rss for row in state.sessions.values())
    cpu = sum(row.cpu for row in state.sessions.values())
    lines.append([(" use      ", "muted"), (f"cpu {cpu:.0f}%  memory {formats.size(memory)}", "")])
    lines.append([(" engine   ", "muted"), (f"cpu {engine.cpu:.0f}%  memory {formats.size(engine.rss)}", "")])
    if state.pool is not None:
        lines += _pool_lines(state.pool, used, width)
    lines += _breakers(state)
    return lines


def _pool_lines(pool: PoolStatistics, used: int, width: int) -> list[Line]:
    """Where the size goes and why, and how well processes are used again."""
    going = f"{used} → {pool.target}: {pool.reason}" if pool.target != used else pool.reason
    reused = f"{pool.reuse:.0%} of turns  asleep {pool.hibernated}" if pool.counts.leases else "no turn yet"
    if pool.spares:
        reused += f"  spares {pool.spares}"
    return [
        [(" scaling  ", "muted"), (fit(going, max(0, width - 10)), "")],
        [(" reuse    ", "muted"), (reused, "")],
    ]


def _breakers(state: State) -> list[Line]:
    if not state.breakers:
        return [[(" breakers ", "muted"), ("● none has tripped", "muted")]]
    roles = {"closed": ("●", "run"), "open": ("✖", "fail")}
    lines: list[Line] = []
    for name, word in sorted(state.breakers.items())[:4]:
        glyph, role = roles.get(word, ("▲", "retry"))
        lines.append([(" breaker  ", "muted"), (f"{glyph} ", role), (f"{name} {word.replace('_', '-')}", "")])
    return lines


def _people(state: State) -> list[tuple[str, str]]:
    """How long turns waited for people, which is in no duration of a turn."""
    waits = sorted(wait for bucket in state.buckets for wait in bucket.person_waits)
    if not waits:
        return []
    middle, late = nearest_rank(waits, 0.50), nearest_rank(waits, 0.95)
    return [("people", f"waited for p50 {formats.took(middle)}  p95 {formats.took(late)}")]


def _costs(state: State) -> list[tuple[str, str]]:
    """What each credential cost, where there is more than one."""
    costs = sorted(state.totals.cost_by_credential.items(), key=lambda item: -item[1])
    text = "  ".join(f"{name} {formats.money(cost)}" for name, cost in costs[:4])
    return [("by login", text)] if len(costs) > 1 else []


def totals_block(state: State, now: float, width: int) -> list[Line]:
    """Counts since the engine started, the queue, and errors by kind."""
    totals = state.totals
    waiting = sum(1 for request in state.requests.values() if not request.session)
    kinds = sorted(state.errors_by_kind.items(), key=lambda item: -item[1])[:4]
    errors = "  ".join(f"{kind or 'other'} {n}" for kind, n in kinds) or "none"
    facts = [
        ("requests", f"{formats.count(totals.answered)} answered of {formats.count(totals.requests)}"),
        ("failed", f"{totals.failed}  refused {totals.refused}  cancelled {totals.cancelled}"),
        ("errors", f"{totals.errors}  retries {totals.retries}  cached {totals.cached}"),
        ("tokens", f"{formats.count(totals.tokens_in)} in  {formats.count(totals.tokens_out)} out"),
        ("cached", f"{formats.count(totals.tokens_cached)} tokens read from cache"),
        ("cost", f"{formats.money(totals.cost)} in {formats.span(now - state.engine.started_at)}"),
        ("by type", errors),
        *_people(state),
        *_costs(state),
        ("started", f"{totals.started}  ended {totals.ended}  orphans {totals.orphans}"),
    ]
    lines = [rule(f"TOTALS  queue {waiting}", width)]
    return lines + [[(f" {name:<9}", "muted"), (text, "")] for name, text in facts]
