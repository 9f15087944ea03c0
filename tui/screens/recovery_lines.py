"""The blocks of the Recovery screen as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.events.state import CauseView, RecoveryView, State
from tui.model.columns import Column
from tui.model.list_state import ListState
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.render import formats
from tui.render.plots import gauge
from tui.render.spans import Line, crop, fit, rule
from tui.render.wrapping import whole_lines
from tui.screens import list_lines

STRIP_S = 1800.0
"""Seconds that a breaker's strip shows."""
NAME = 22
WIDE = 100
"""Width from which on a breaker's line has all of its figures."""
_STRIP, _SHORT_STRIP = 30, 16
_CELLS = {"closed": "·", "half_open": "▒", "open": "█", "forced_open": "█", "disabled": " "}
_ROLES = {"closed": ("●", "run"), "half_open": ("▲", "retry"), "open": ("✖", "fail"), "forced_open": ("✖", "fail")}


def strip(causes: Sequence[CauseView], breaker: str, state: str, now: float, width: int) -> str:
    """The states of a breaker over the last half hour, one character a step; the gravest of a step counts."""
    flips = [cause for cause in causes if cause.mark == "breaker" and cause.subject == breaker]
    order = " ·▒█"
    step = STRIP_S / width
    cells = []
    for index in range(width):
        start = now - STRIP_S + index * step
        before = [flip for flip in flips if flip.at <= start]
        later = next((flip.before for flip in flips if flip.at > start), state)
        within = [flip.after for flip in flips if start < flip.at <= start + step]
        held = [before[-1].after if before else later, *within]
        cells.append(max((_CELLS.get(each, "·") for each in held), key=order.index))
    return "".join(cells)


@dataclass(frozen=True, slots=True)
class BreakerRow:
    """One breaker; `since` is when it last moved, in seconds since 1970, 0.0 when that is not known.

    Of `calls` in its window the share `failed`; it opens at `limit` and lets a call try at `next_probe`, 0.0 for never.
    """

    name: str
    state: str
    trips: int
    since: float
    why: str
    failed: float = 0.0
    limit: float = 0.0
    calls: int = 0
    next_probe: float = 0.0
    probes: str = ""
    shed: int = 0


def breakers_of(state: State) -> list[BreakerRow]:
    """Every breaker that is known; one that never moved is closed."""
    known = {**dict.fromkeys(state.breaker_figures, "closed"), **state.breakers}
    return [_breaker(state, name, word) for name, word in known.items()]


def _breaker(state: State, name: str, word: str) -> BreakerRow:
    flips = [cause for cause in state.causes if cause.mark == "breaker" and cause.subject == name]
    why = flips[-1].reason if flips and word != "closed" else ""
    since, figures = flips[-1].at if flips else 0.0, state.breaker_figures.get(name)
    if figures is None:
        return BreakerRow(name, word, sum(flip.after == "open" for flip in flips), since, why)
    probes = f"{figures.probes_ok}/{figures.probes_needed}" if word != "closed" else ""
    return BreakerRow(
        name, word, figures.trips, since, why, figures.failed, figures.limit, figures.calls, figures.next_probe, probes,
        figures.shed,
    )  # fmt: skip


def _probe(row: BreakerRow, now: float) -> str:
    return formats.span(max(0.0, row.next_probe - now)) if row.next_probe else "–"


def _since(row: BreakerRow, now: float) -> str:
    return formats.span(now - row.since) if row.since else ""


BREAKERS: Listing[BreakerRow] = Listing(
    "breakers",
    "breaker",
    (
        Column("breaker", "BREAKER", 22, 0, lambda r, _: r.name, lambda r: r.name, lambda r, _: r.name),
        Column(
            "state", "STATE", 12, 1, lambda r, _: r.state.replace("_", "-"),
            lambda r: (float(r.state == "closed"), r.name), lambda r, _: r.state,
        ),
        Column(
            "trips", "TRIPS", 8, 3, lambda r, _: formats.plural(r.trips, "trip"), lambda r: r.trips,
            lambda r, _: r.trips, "right", most_first=True, unit="count",
        ),
        Column(
            "since", "SINCE", 6, 4, _since, lambda r: r.since,
            lambda r, now: round(now - r.since, 3) if r.since else None, timed=True, most_first=True, unit="seconds",
        ),
        Column(
            "failed", "FAIL%", 6, 5, lambda r, _: formats.share(r.failed * r.calls, r.calls), lambda r: r.failed,
            lambda r, _: r.failed, "right", most_first=True, unit="ratio",
        ),
        Column(
            "probe", "PROBE", 6, 6, _probe, lambda r: r.next_probe,
            lambda r, now: round(r.next_probe - now, 1) if r.next_probe else None, "right", timed=True, unit="seconds",
        ),
        Column(
            "shed", "SHED", 5, 7, lambda r, _: str(r.shed), lambda r: r.shed, lambda r, _: r.shed, "right",
            most_first=True, unit="count",
        ),
        Column("why", "WHY", 20, 2, lambda r, _: r.why, lambda r: r.why, lambda r, _: r.why, flex=True),
    ),
    lambda row: row.name,
    lambda row: command("breakers", "show", row.name),
    Sort("state"),
)  # fmt: skip
"""The breakers; those that are not closed come first."""


def breakers(shown: ListState[BreakerRow], state: State, now: float, width: int, height: int, back: str) -> list[Line]:
    """The breakers around the cursor, each with its last half hour."""
    title = f"BREAKERS {shown.total}" if shown.total else "BREAKERS"
    lines = [rule(title, width, "· closed ▒ half-open █ open   last 30 min")]
    if shown.order:
        lines.append(_heads(width))
    if not shown.order:
        return [*lines, [(f"  {list_lines.nothing(shown, 'none has tripped', back)}", "muted")]]
    rows, room = shown.rows, max(1, height - 2)
    top = list_lines.window(len(rows), shown.index, room)
    lines += [_line(row, shown, state.causes, now, width) for row in rows[top : top + room]]
    return lines


def _heads(width: int) -> Line:
    wide = width >= WIDE
    line = f"  {'BREAKER':{NAME}} {'STATE':14}{'LAST 30 MIN':{_STRIP if wide else _SHORT_STRIP}}"
    line += f"  {'FAIL%':>5} {'OF':>4}  {'PROBE':>5} {'OK':>4}  {'TRIPS':>5} {'SHED':>5}  WHY" if wide else ""
    line += "" if wide else f" {'FAIL%':>5} {'OF':>4} {'PROBE':>6}"
    return crop([(line, "muted")], width)


def _line(row: BreakerRow, shown: ListState[BreakerRow], causes: Sequence[CauseView], now: float, width: int) -> Line:
    wide = width >= WIDE
    plain = "cursor" if row.name == shown.cursor else ""
    glyph, role = _ROLES.get(row.state, ("·", "muted"))
    drawn = strip(causes, row.name, row.state, now, _STRIP if wide else _SHORT_STRIP)
    failed, probe = formats.share(row.failed * row.calls, row.calls), _probe(row, now)
    bound = f"{row.limit:.0%}" if row.limit else "–"
    tail = f"  {failed:>5} {bound:>4}  {probe:>5} {row.probes:>4}  {row.trips:>5} {row.shed:>5}  {row.why}"
    if not wide:
        tail = f" {failed:>5} {bound:>4} {probe:>6}"
    line: Line = [
        *list_lines.lead(row.name, shown.cursor, shown.marks),
        (f"{fit(row.name, NAME)} ", plain),
        (f"{glyph} ", role),
        (fit(row.state.replace("_", "-"), 12), plain),
        (drawn, role if row.state != "closed" else "muted"),
        (tail, plain or "muted"),
    ]
    return crop(line, width)


def levels(state: State, width: int, height: int) -> list[Line]:
    """What each strategy was tried for, and how it went."""
    lines = [rule("STRATEGIES", width, "since the engine started")]
    if not state.strategies:
        return [*lines, [("  nothing had to be recovered yet", "muted")]]
    running: dict[str, int] = {}
    for each in state.recoveries:
        running[each.strategy] = running.get(each.strategy, 0) + each.running
    lines.append([(f"  {'':20} {'TRIED':>5}  {'HELPED':<13} {'MEAN':>6} {'P95':>6} {'NOW':>3} GAVE UP", "muted")])
    for name, view in sorted(state.strategies.items(), key=lambda item: -item[1].runs)[: max(1, height - 2)]:
        line: Line = [(f"  {fit(name.replace('_', ' '), 20)} {view.runs:>5}  ", "")]
        line += [*gauge(view.success_rate, 8, "run" if view.success_rate >= 0.9 else "retry")]
        line.append((f" {formats.share(view.worked, view.runs):>4} {formats.took(view.mean):>6} ", ""))
        line.append((f"{formats.took(view.p95):>6} {running.get(name, 0) or '–':>3}", ""))
        if view.gave_up:
            line.append((f" {view.gave_up:>7}", "fail"))
        lines.append(crop(line, width))
    return lines


def budget(state: State, width: int) -> Line:
    """How much of the budget for retries is used."""
    size, left = state.budget.size, state.budget.left
    used = 1 - left / size if size else 0.0
    refused = f"   {formats.plural(state.budget.refused, 'retry')} refused".replace("retrys", "retries")
    line: Line = [("  retry budget  ", "muted"), *gauge(used, 20, "retry" if used > 0.5 else "run")]
    return crop([*line, (f" {used:.0%} used", ""), (refused if state.budget.refused else "", "fail")], width)


def next_steps(state: State, now: float, width: int, height: int) -> list[Line]:
    """What recovery will do by itself, and when, the soonest first."""
    steps: list[tuple[float, str]] = [
        (each.next_probe, f"probe {each.breaker} ({each.probes_needed} must work)")
        for each in state.breaker_figures.values()
        if each.next_probe > now
    ]
    steps += [
        (view.retry_at, f"attempt {view.attempts + 1} of {view.id}  {view.prompt}")
        for view in state.requests.values()
        if view.retry_at > now and not view.session
    ]
    lines = [rule(f"NEXT AUTOMATIC ACTIONS {len(steps)}" if steps else "NEXT AUTOMATIC ACTIONS", width)]
    for name, word in sorted(state.breakers.items()):
        figures = state.breaker_figures.get(name)
        if word == "half_open" and figures is not None:
            left = figures.probes_needed - figures.probes_ok
            lines.append(crop([("  next call ", "muted"), (f"{name} closes after {left} more that work", "")], width))
    for at, text in sorted(steps)[: max(0, height - len(lines))]:
        lines.append(crop([(f"  in {formats.span(at - now):<7} ", "muted"), (text, "")], width))
    return lines if len(lines) > 1 else [*lines, [("  none", "muted")]]


def recent(recoveries: Sequence[RecoveryView], width: int, height: int) -> list[Line]:
    """The last recoveries, newest first; those under way are marked."""
    lines = [rule("RECOVERIES", width)]
    if not recoveries:
        return [*lines, [("  none yet", "muted")]]
    for each in list(recoveries)[::-1][: max(1, height - 1)]:
        glyph, role = ("◐", "wait") if each.running else ("✔", "run") if each.ok else ("✖", "fail")
        how = f"since {formats.clock(each.started_at)}" if each.running else formats.seconds(each.took)
        what = "would run: " if each.observed else ""
        name = fit(each.strategy.replace("_", " "), 20)
        text = f" {name} {fit(each.target, 28)} {how:>6}  {what}{each.outcome or each.reason}"
        lines.append(crop([(f"  {formats.clock(each.started_at)} ", "muted"), (f"{glyph}", role), (text, "")], width))
    return lines


def people(state: State, now: float, width: int, height: int) -> list[Line]:
    """What only a person can settle: alerts that fire, and what recovery gave up; whole as far as there is room."""
    found: list[tuple[str, str, str]] = []
    for alert in state.alerts.values():
        quiet = "silenced " if alert.silenced_until > now else ""
        found.append(("✖", "fail", f"{quiet}{alert.rule} {alert.subject}".rstrip() + f": {alert.text}. {alert.remedy}"))
    found += [
        ("▲", "retry", f"{each.target}: {each.outcome}; {each.strategy.replace('_', ' ')} gave up")
        for each in state.recoveries[::-1]
        if each.gave_up
    ]
    lines = [rule("FOR A PERSON", width)]
    if not found:
        return [*lines, [("  ● ", "run"), ("nothing", "")]]
    shown = found[: max(1, height - 1)]
    spare = max(0, height - 1 - len(shown))
    for glyph, role, text in shown:
        room = max(20, width - 5)
        wrapped = whole_lines(text, room, 1 + spare)
        spare -= len(wrapped) - 1
        for number, part in enumerate(wrapped):
            lines.append(crop([("    ", "") if number else (f"  {glyph} ", role), (part, "")], width))
    return lines
