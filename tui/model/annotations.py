"""Moments worth going to, and the bar that shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.events.state import Bucket, CauseView
from tui.render import formats
from tui.render.spans import Line, width_of

LETTERS = {"tuning": "t", "breaker": "b", "restart": "r", "operator": "o", "errors": "e", "note": "n"}
"""The letter on the bar of each kind of moment."""
BURST = 3
"""Failed attempts within one bucket that are a burst."""
_LEGEND = "  ".join(f"{letter} {word}" for word, letter in LETTERS.items())
_ROOMY = 100


@dataclass(frozen=True, slots=True)
class Annotation:
    """A moment, the kind of what happened, and it in words."""

    at: float
    kind: str
    text: str


def marks(buckets: Sequence[Bucket], causes: Iterable[CauseView]) -> list[Annotation]:
    """Tuning changes, breaker flips, restarts and beginnings of bursts of errors, in order of time."""
    found = [Annotation(cause.at, cause.mark, _said(cause)) for cause in causes]
    before = 0
    for bucket in buckets:
        failed = bucket.errors
        if failed >= BURST > before:
            found.append(Annotation(bucket.start, "errors", f"{formats.plural(failed, 'error')} in 10 s"))
        before = failed
    return sorted(found, key=lambda mark: mark.at)


def neighbour(found: Sequence[Annotation], at: float, direction: int) -> Annotation | None:
    """The next mark after `at`, or the one before it; those within half a second are the same moment."""
    side = [mark for mark in found if (mark.at - at) * direction > 0.5]
    return None if not side else side[0] if direction > 0 else side[-1]


def bar(span: tuple[float, float], at: float, found: Iterable[Annotation], width: int) -> Line:
    """One line: the span's two ends, the marks between them, and where one is."""
    first, last = span
    left, right = f" {formats.clock(first)[:5]} ", f" {formats.clock(last)[:5]} "
    legend = f" {_LEGEND} " if width >= _ROOMY else ""
    room = max(1, width - len(left) - len(right) - len(legend))
    cells = ["─"] * room

    def cell(moment: float) -> int:
        share = (moment - first) / (last - first) if last > first else 1.0
        return min(room - 1, max(0, int(share * room)))

    for mark in found:
        if first <= mark.at <= last:
            cells[cell(mark.at)] = LETTERS.get(mark.kind, "·")
    here = cell(at)
    line: Line = [
        (left, "muted"),
        ("".join(cells[:here]), "rule"),
        ("▌", "ask"),
        ("".join(cells[here + 1 :]), "rule"),
        (right, "muted"),
        (legend, "muted"),
    ]
    return line if width_of(line) <= width else line[:-1]


def _said(cause: CauseView) -> str:
    change = f"{cause.before} → {cause.after}" if cause.before else cause.after
    return f"{cause.mark} {cause.subject} {change}".replace("_", " ").strip()
