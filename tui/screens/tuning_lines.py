"""The blocks of the Tuning screen as lines. Pure: rows, proposals, figures and size in, lines out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui.actions.keymap import Keymap
from tui.model.columns import Column, Plain
from tui.model.filter import Fields
from tui.model.settings_sheet import SettingChange
from tui.model.store import Store
from tui.model.tables import AS_GIVEN, Listing, command
from tui.model.trends import Trends, measure
from tui.model.tuning import Tuning, TuningRow
from tui.render import formats
from tui.render.spans import Line, columns, crop, fit, rule

SIDE = 44
"""Cells of the right column where there is one."""
_HEAD = ("PARAMETER", "LIVE", "PROPOSED", "BOUNDS")
_VALUE, _BOUNDS = 12, 20
_ROOMY = 66


@dataclass(frozen=True, slots=True)
class Figures:
    """What an effect is judged by: tokens a second, p95 of turns in seconds, errors a minute, requests waiting."""

    tokens: float
    p95: float
    errors: float
    waiting: int

    @classmethod
    def of(cls, trends: Trends, waiting: int) -> Figures:
        """The figures of this moment."""
        return cls(trends.tokens.now, trends.p95.now, trends.errors.now, waiting)


@dataclass(frozen=True, slots=True)
class Effect:
    """An applied change and the figures before it; `at` in seconds since 1970."""

    at: float
    what: str
    before: Figures


def figures_of(store: Store) -> Figures:
    """The figures of this moment."""
    state = store.live
    waiting = sum(1 for request in state.requests.values() if not request.session)
    return Figures.of(measure(state.buckets, store.live_now, 1), waiting)


def _plain(row: TuningRow) -> Plain:
    return row.raw if isinstance(row.raw, (str, int, float)) else row.current


FIELDS: Fields[TuningRow] = Fields(
    {
        "key": lambda row, _now: row.key,
        "live": lambda row, _now: row.current,
        "origin": lambda row, _now: row.origin,
        "text": lambda row, _now: f"{row.key} {row.description} {row.origin}",
    },
    numbers=frozenset(),
    times=frozenset(),
    sizes=frozenset(),
    words=("text",),
    common=("key", "live", "origin"),
)
"""The fields of settings; a bare word is searched in name, description and origin."""


def settings(tuning: Tuning) -> Listing[TuningRow]:
    """The settings as a list; what is staged is one of its columns."""

    def proposed(row: TuningRow) -> str:
        staged = tuning.staged.get(row.key)
        return staged.text if staged is not None else ""

    return Listing(
        "tuning",
        "setting",
        (
            Column("key", "PARAMETER", 40, 0, lambda r, _: r.key, lambda r: r.key, lambda r, _: r.key),
            Column("live", "LIVE", 12, 1, lambda r, _: r.current, lambda r: r.current, lambda r, _: _plain(r)),
            Column("proposed", "PROPOSED", 12, 2, lambda r, _: proposed(r), proposed, lambda r, _: proposed(r)),
            Column("bounds", "BOUNDS", 20, 3, lambda r, _: r.bounds, lambda r: r.bounds, lambda r, _: r.bounds),
            Column("default", "DEFAULT", 12, 4, lambda r, _: r.default, lambda r: r.default, lambda r, _: r.default),
            Column("unit", "UNIT", 8, 5, lambda r, _: r.unit, lambda r: r.unit, lambda r, _: r.unit),
            Column("origin", "FROM", 12, 6, lambda r, _: r.origin, lambda r: r.origin, lambda r, _: r.origin),
        ),
        lambda row: row.key,
        lambda row: command("config", "get", row.key),
        AS_GIVEN,
        FIELDS,
    )


def table(rows: Sequence[TuningRow], tuning: Tuning, cursor: str, width: int, height: int) -> list[Line]:
    """The settings by group, the cursor's in sight."""
    name = max(16, width - 2 * _VALUE - (_BOUNDS + 2 if width >= _ROOMY else 0) - 9)
    lines: list[Line] = []
    group, at = "", 0
    for row in rows:
        if row.group != group:
            group = row.group
            lines.append([(fit(f"   {group}", width), "muted")])
        if row.key == cursor:
            at = len(lines)
        lines.append(_line(row, tuning, cursor == row.key, name, width))
    top = max(0, min(at - (height - 1) // 2, len(lines) - (height - 1)))
    bounds = _HEAD[3] if width >= _ROOMY else ""
    head = f"{'':5}{fit(_HEAD[0], name)} {_HEAD[1]:>{_VALUE}}  {fit(_HEAD[2], _VALUE + 1)}  {bounds}"
    return [[(fit(head, width), "muted")], *lines[top : top + height - 1]]


def _line(row: TuningRow, tuning: Tuning, on: bool, name: int, width: int) -> Line:
    staged = tuning.staged.get(row.key)
    role = "cursor" if on else "muted" if row.fixed else ""
    mark = "◆" if staged else row.mark
    value = fit(f"▸ {staged.text}", _VALUE + 1) if staged else fit("–", _VALUE + 1)
    wrong = bool(staged and (staged.problem or tuning.moved(row.key)))
    line: Line = [
        ("▌" if on else " ", "cursor" if on else ""),
        (f" {mark} ", "ask" if staged and not on else role),
        (f" {fit(row.name, name)} {fit(row.current, _VALUE, 'right')}  ", role),
        (value, role if on else "fail" if wrong else "ask" if staged else "muted"),
    ]
    if width >= _ROOMY:
        line.append((f"  {fit(row.bounds + row.suffix, _BOUNDS)}", role if on else "muted"))
    return crop(line, width)


def detail(row: TuningRow | None, tuning: Tuning, width: int, height: int, keys: Keymap) -> list[Line]:
    """All that is known of one setting, and why its proposal is refused."""
    if row is None:
        said = f" Nothing passes this filter; {keys.shown('tuning.back')} shows all."
        return [rule("NO SETTING", width), [(said, "muted")]]
    staged = tuning.staged.get(row.key)
    values = f"{row.current} → {staged.text}" if staged else row.current
    title = f"{row.name}  {values}{row.suffix}"
    lines = [rule(title, width)]
    lines += [[(f" {part}", "")] for part in wrapped(row.description, width - 2, 3)]
    if staged and staged.problem:
        lines += [
            [("✖ " if not n else "  ", "fail"), (part, "")]
            for n, part in enumerate(wrapped(staged.problem, width - 3, 4))
        ]
    elif staged and tuning.moved(row.key):
        lines.append([("▲ ", "retry"), (fit(f"it was {staged.base} when you staged this", width - 3), "")])
    facts = [
        ("takes", row.allowed),
        ("default", row.default + row.suffix),
        ("from", row.origin),
        ("applies", row.applies if not row.fixed else f"{row.applies}: set it in the file"),
        ("command", f"quarterdeck config set {row.key}={staged.text if staged else row.current}"),
    ]
    for label, text in facts:
        parts = wrapped(text, width - 10, 2)
        lines += [[(f" {label if not n else '':<8}", "muted"), (part, "")] for n, part in enumerate(parts)]
    return lines[:height]


def staged_block(tuning: Tuning, width: int, height: int, keys: Keymap) -> list[Line]:
    """What would change, key by key."""
    number = len(tuning.staged)
    note = f"{keys.shown('tuning.apply')} apply · {keys.shown('tuning.drop')} drop" if number else ""
    lines = [rule(f"STAGED {number}" if number else "STAGED", width, note)]
    if not number:
        steps = f"{keys.shown('tuning.less')} {keys.shown('tuning.more')} steps a value"
        return [*lines, [(f"  nothing is staged: {steps}, {keys.shown('tuning.type')} types one", "muted")]]
    shown = list(tuning.staged.items())
    for key, one in shown[: height - 1]:
        row = tuning.row(key)
        bad = one.problem or (f"changed by somebody to {row.current}" if row and tuning.moved(key) else "")
        text = f"  {key}  {one.base} → {one.text}{row.suffix if row is not None else ''}"
        lines.append(crop([(text, ""), (f"  {bad}", "fail")] if bad else [(text, "")], width))
    if len(shown) > height - 1:
        lines[-1] = [(f"  … and {len(shown) - height + 2} more", "muted")]
    return lines


def effect_block(effect: Effect | None, now: Figures, at: float, width: int) -> list[Line]:
    """The figures before the last change that was applied here, and those of the last minute."""
    if effect is None:
        return [rule("EFFECT", width), [("  apply a change to watch its effect", "muted")]]
    rows = _compared(effect.before, now)
    lines = [rule("EFFECT", width, f"{formats.span(at - effect.at)} after")]
    lines.append([(fit(f"  {effect.what}", width), "")])
    return lines + [[(f"  {name:<11}", "muted"), (f"{before:>6} → {after}", "")] for name, before, after in rows]


def effect_lines(effect: Effect, now: Figures, at: float, width: int) -> list[Line]:
    """The same in two lines."""
    rows = _compared(effect.before, now)
    figures = "   ".join(f"{name} {before} → {after}" for name, before, after in rows)
    title = fit(f"EFFECT {effect.what}", max(10, width - 16)).rstrip()
    return [rule(title, width, f"{formats.span(at - effect.at)} after"), crop([(f"  {figures}", "")], width)]


def _compared(before: Figures, now: Figures) -> list[tuple[str, str, str]]:
    return [
        ("tok/s", formats.count(before.tokens), formats.count(now.tokens)),
        ("turn p95", formats.took(before.p95), formats.took(now.p95)),
        ("errors/min", f"{before.errors:.1f}", f"{now.errors:.1f}"),
        ("waiting", str(before.waiting), str(now.waiting)),
    ]


def history_block(
    changes: Sequence[SettingChange], cursor: int | None, width: int, height: int, keys: Keymap
) -> list[Line]:
    """The live changes, newest first."""
    lines = [rule("HISTORY", width, f"{keys.shown('tuning.undo')} undo" if changes else "")]
    if not changes:
        return [*lines, [("  nothing was changed since the engine started", "muted")]]
    undone = {change.undoes for change in changes if change.undoes is not None}
    newest = list(changes)[::-1]
    top = max(0, min((cursor or 0) - height + 2, len(newest) - height + 1))
    for index, change in enumerate(newest[top : top + height - 1], top):
        on = index == cursor
        what = summary(change.changes)
        state = "↩ undone" if change.number in undone else "↩ undo" if change.undoes is not None else "● live"
        text = f" {formats.clock(change.when)}  {fit(change.who, 8)}  {fit(what, max(10, width - 33))} {state}"
        lines.append([("▌" if on else " ", "cursor" if on else ""), (fit(text, width - 1), "cursor" if on else "")])
    return lines


def summary(changes: Mapping[str, Sequence[object]]) -> str:
    """A change in few words."""
    first, *rest = [f"{key} {old} → {new}" for key, (old, new) in changes.items()] or ["nothing"]
    return f"{first}, and {formats.plural(len(rest), 'more')}" if rest else first


def beside(left: list[Line], right: list[Line], width: int) -> list[Line]:
    """Two blocks with a gap."""
    return columns(left, right, width - SIDE, width)


def wrapped(text: str, width: int, most: int) -> list[str]:
    """The text in at most so many lines."""
    return textwrap.wrap(text, max(10, width), max_lines=most, placeholder=" …") or [""]
