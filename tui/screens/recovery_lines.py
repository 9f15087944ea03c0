"""The blocks of the Recovery screen as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.events.state import CauseView, RecoveryView, State
from tui import formats
from tui.spans import Line, crop, fit, rule
from tui.widgets.plots import gauge

STRIP_S = 1800.0
"""Seconds that a breaker's strip shows."""
NAME = 22
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


def breakers(state: State, cursor: str, now: float, width: int, height: int) -> list[Line]:
    """Every breaker that is known, those with trouble first."""
    wide = width >= 100
    cells = 40 if wide else 20
    title = f"BREAKERS {len(state.breakers)}" if state.breakers else "BREAKERS"
    lines = [rule(title, width, "· closed ▒ half-open █ open   last 30 min")]
    if not state.breakers:
        return [*lines, [("  none has tripped", "muted")]]
    for name in ordered(state)[: max(1, height - 1)]:
        word, on = state.breakers[name], name == cursor
        glyph, role = _ROLES.get(word, ("·", "muted"))
        flips = [cause for cause in state.causes if cause.mark == "breaker" and cause.subject == name]
        trips = sum(flip.after == "open" for flip in flips)
        since = formats.span(now - flips[-1].at) if flips else ""
        why = flips[-1].reason if flips and word != "closed" else ""
        tail = f"  {formats.plural(trips, 'trip'):>8}  {fit(since, 6)}  {why}" if wide else f"  {trips:>2}×  {why}"
        lines.append(
            crop(
                [
                    ("▌" if on else " ", "cursor" if on else ""),
                    (f" {fit(name, NAME)} ", "cursor" if on else ""),
                    (f"{glyph} ", role),
                    (fit(word.replace("_", "-"), 12), "cursor" if on else ""),
                    (strip(state.causes, name, word, now, cells), role if word != "closed" else "muted"),
                    (tail, "cursor" if on else "muted"),
                ],
                width,
            )
        )
    return lines


def ordered(state: State) -> list[str]:
    """The breakers' names, those that are not closed first."""
    return sorted(state.breakers, key=lambda name: (state.breakers[name] == "closed", name))


def ladder(state: State, width: int, height: int) -> list[Line]:
    """What each strategy was tried for, and how it went."""
    lines = [rule("STRATEGIES", width, "since the engine started")]
    if not state.strategies:
        return [*lines, [("  nothing had to be recovered yet", "muted")]]
    running: dict[str, int] = {}
    for each in state.recoveries:
        running[each.strategy] = running.get(each.strategy, 0) + each.running
    lines.append([(f"  {'':22} {'TRIED':>6}  {'HELPED':<15} {'MEAN':>6} {'P95':>6} {'NOW':>4}", "muted")])
    for name, view in sorted(state.strategies.items(), key=lambda item: -item[1].runs)[: max(1, height - 2)]:
        line: Line = [(f"  {fit(name.replace('_', ' '), 22)} {view.runs:>6}  ", "")]
        line += [*gauge(view.success_rate, 10, "run" if view.success_rate >= 0.9 else "retry")]
        line.append((f" {formats.share(view.worked, view.runs):>4} {formats.took(view.mean):>6} ", ""))
        line.append((f"{formats.took(view.p95):>6} {running.get(name, 0) or '–':>4}", ""))
        if view.gave_up:
            line.append((f"  gave up {view.gave_up}", "fail"))
        lines.append(crop(line, width))
    return lines


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
    """What only a person can settle: alerts that fire, and what recovery gave up."""
    lines = [rule("FOR A PERSON", width)]
    for alert in list(state.alerts.values())[: height - 1]:
        quiet = "silenced " if alert.silenced_until > now else ""
        text = f"{quiet}{alert.rule} {alert.subject}  {alert.text}  "
        lines.append(crop([("  ✖ ", "fail"), (text, ""), (alert.remedy, "muted")], width))
    gave_up = [each for each in state.recoveries if each.gave_up]
    for each in gave_up[::-1][: max(0, height - len(lines))]:
        text = f"{each.strategy.replace('_', ' ')} at {each.target} gave up: {each.outcome}"
        lines.append(crop([("  ▲ ", "retry"), (text, "")], width))
    return lines if len(lines) > 1 else [*lines, [("  ● ", "run"), ("nothing", "")]]
