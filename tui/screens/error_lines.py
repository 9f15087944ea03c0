"""The blocks of the Errors screen as lines. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from engine.base.errors import ErrorKind
from engine.events.state import ErrorView, RecoveryView, State
from tui.actions.keymap import Keymap
from tui.model import timeline
from tui.model.columns import Column
from tui.model.list_state import ListState
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.model.timeline import COLUMN_S, ErrorGroup, TimelineRow
from tui.render import formats
from tui.render.plots import BLOCKS, gauge
from tui.render.spans import Line, crop, fit, rule
from tui.screens import list_lines

NAME, SIDE = 24, 19
_SEVERE = {"critical": "fail", "high": "fail", "medium": "retry", "low": "muted"}


def chart_columns(width: int) -> int:
    """Minutes that fit beside the names and the counts: an hour at most."""
    return max(10, min(60, width - NAME - SIDE - 4))


def _of_type(kind: str) -> tuple[str, ...]:
    return ("--type", kind) if kind in ErrorKind.__members__.values() else ()


def _trend(row: TimelineRow) -> str:
    return "" if row.change is None else f"{'▲' if row.change > 0 else '▼'} {1 + row.change:.1f}×"


CLASSES: Listing[TimelineRow] = Listing(
    "errors",
    "class",
    (
        Column("class", "CLASS", NAME, 0, lambda r, _: r.name, lambda r: r.name, lambda r, _: r.name, flex=True),
        Column(
            "count", "COUNT", 5, 1, lambda r, _: str(r.total), lambda r: r.total, lambda r, _: r.total, "right",
            most_first=True, unit="count",
        ),
        Column(
            "sessions", "SESS", 4, 2, lambda r, _: str(r.sessions), lambda r: r.sessions, lambda r, _: r.sessions,
            "right", most_first=True, unit="count",
        ),
        Column(
            "trend", "TREND", 7, 3, lambda r, _: _trend(r), lambda r: -1.0 if r.change is None else r.change,
            lambda r, _: None if r.change is None else round(1 + r.change, 3), most_first=True, unit="count",
        ),
        Column(
            "minutes", "MINUTES", 60, 4, lambda r, _: " ".join(map(str, r.counts)), lambda r: r.counts,
            lambda r, _: " ".join(map(str, r.counts)), most_first=True,
        ),
    ),
    lambda row: row.name,
    lambda row: command("errors", "list", *_of_type(row.name.partition("/")[0])),
    Sort("count", descending=True),
)  # fmt: skip
"""The classes of errors, most first; `minutes` counts them by minute, the oldest first."""


def chart(shown: ListState[TimelineRow], state: State, column: int, now: float, width: int, height: int) -> list[Line]:
    """Classes by minute with the causes below; `column` is the cursor's."""
    columns = chart_columns(width)
    start = timeline.start_of(now, columns)
    pointer = fit(" " * column + "▼", columns + 1)
    lines: list[Line] = [_axis(start, columns)]
    lines.append([(fit("  CLASS", NAME + 3), "muted"), (pointer, "strong"), ("COUNT SESS TREND", "muted")])
    rows, room = shown.rows, max(1, height - 4)
    top = max((max(row.counts) for row in rows), default=1)
    first = list_lines.window(len(rows), shown.index, room)
    lines += [_class_line(row, top, shown) for row in rows[first : first + room]]
    axis, legend = timeline.marks(state.causes, start, columns), " t tuning b breaker r restart"
    name = fit("  causes", NAME + 2)
    lines.append([(name, "muted"), ("│", "rule"), (axis, "wait"), ("│", "rule"), (legend, "muted")])
    return [crop(line, width) for line in lines]


def _class_line(row: TimelineRow, top: int, shown: ListState[TimelineRow]) -> Line:
    on = row.name == shown.cursor
    bars = "".join(BLOCKS[0 if not n else max(1, round(n / top * 8))] for n in row.counts)
    return [
        *list_lines.lead(row.name, shown.cursor, shown.marks),
        (fit(row.name, NAME), "cursor" if on else ""),
        ("│", "rule"),
        (bars, "retry"),
        ("│", "rule"),
        (f"{row.total:>5} {row.sessions:>4}  {_trend(row)}", "" if on else "muted"),
    ]


def _axis(start: float, columns: int) -> Line:
    text = ""
    for column in range(0, columns - 4, 15):
        text = fit(text, column) + formats.clock(start + column * COLUMN_S)[:5]
    return [(" " * (NAME + 3), ""), (fit(text, columns), "muted")]


def cell_block(prints: Sequence[ErrorGroup], title: str, width: int, height: int, keys: Keymap) -> list[Line]:
    """What the errors under the cursor have in common."""
    lines = [rule(title, width, f"{keys.shown('errors.open')} transcript · {keys.shown('errors.correct')} correct")]
    wide = width >= 100
    for each in prints[: max(1, height - 1)]:
        share = each.recovered / each.ended if each.ended else 0.0
        first, last = formats.clock(each.first), formats.clock(each.last)
        when = fit(first if first == last else f"{first}–{last}", 17)
        what = fit(f"{each.rule} · {each.profile}", 40 if wide else 28)
        line: Line = [(f"  {what} {each.count:>5}  {when}  ", "")]
        line += [*gauge(share, 8), (f" {formats.share(each.recovered, each.ended):>4} recovered", "muted")]
        line.append((f"  {each.strategy.replace('_', ' ')}" if wide else "", "muted"))
        lines.append(crop(line, width))
    if not prints:
        minute = f"{keys.shown('errors.earlier')} {keys.shown('errors.later')}"
        cause = f"{keys.shown('errors.cause_before')} {keys.shown('errors.cause_after')}"
        lines.append([(f"  no error in this minute; {minute} moves, {cause} goes to the next cause", "muted")])
    return lines


def sample_block(
    error: ErrorView | None, state: State, number: str, width: int, height: int, keys: Keymap
) -> list[Line]:
    """One error in full: its rule, what followed, and what was done."""
    if error is None:
        return []
    note = f"{keys.shown('errors.sample')} next · {keys.shown('errors.copy')} copy"
    lines = [rule(f"SAMPLE {number}  {error.id}", width, note)]
    head = f"  {formats.clock(error.at)}  {error.session or 'no session'}  attempt {error.attempt}  "
    severity = (f"{error.severity} ", _SEVERE.get(error.severity, ""))
    lines.append([(head, ""), severity, (f"{error.type}/{error.category}", "strong")])
    text = textwrap.wrap(error.said or error.text, max(20, width - 4), max_lines=2, placeholder=" …")
    lines += [[(f"  {part}", "")] for part in text]
    again = "tried again" if error.again else "not tried again"
    lines.append([("  rule     ", "muted"), (f"{error.rule}, confidence {error.confidence:.0%}; {again}", "")])
    done = next((each for each in reversed(state.recoveries) if each.error == error.id), None)
    lines.append([("  recovery ", "muted"), (_recovery(error, done), "")])
    return [crop(line, width) for line in lines[:height]]


def _recovery(error: ErrorView, done: RecoveryView | None) -> str:
    end = {"answered": "the request was answered", "failed": "the request failed"}.get(error.end, "on its way")
    if done is None:
        return f"{error.strategy.replace('_', ' ')}; {end}"
    how = "under way" if done.running else f"{'worked' if done.ok else 'failed'} in {formats.seconds(done.took)}"
    return f"{done.strategy.replace('_', ' ')} at {done.target} {how}; {end}"


def cause_block(said: Sequence[str], state: State, width: int, keys: Keymap) -> list[Line]:
    """What most likely began it, and how recovery goes; nothing is claimed that is not known."""
    ended = [error for error in state.errors if error.end]
    answered = sum(error.end == "answered" for error in ended)
    undo = f"{keys.shown('errors.undo')} undo tuning" if any("tuning" in one for one in said) else ""
    lines = [rule("LIKELY CAUSE", width, undo)]
    lines += [crop([(f"  {one}", "")], width) for one in said] or [[("  nothing stands out", "muted")]]
    ends = f"{answered} of {len(ended)} errors ended well, {len(state.errors) - len(ended)} on their way"
    lines.append([("  requests  ", "muted"), (ends, "")])
    return lines
