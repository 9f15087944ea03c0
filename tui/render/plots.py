"""Plots as lines of blocks: an area chart, a bar of parts, a gauge. One colour a row, so that they cost few bytes."""

from __future__ import annotations

from collections.abc import Sequence

from tui.render.spans import Line

BLOCKS = " ▁▂▃▄▅▆▇█"
_STEPS = 8


def area(values: Sequence[float], width: int, height: int) -> list[str]:
    """An area chart from zero to the largest value, as `height` rows of `width` characters, top row first."""
    shown = list(values)[-width:]
    top = max(shown, default=0.0)
    levels = [round(value / top * height * _STEPS) if top > 0 else 0 for value in shown]
    # A value that is not nothing is at least one step high.
    levels = [max(level, 1) if value > 0 else 0 for level, value in zip(levels, shown, strict=True)]
    rows = [
        "".join(BLOCKS[max(0, min(_STEPS, level - row * _STEPS))] for level in levels).rjust(width)
        for row in range(height)
    ]
    return rows[::-1]


def parts(shares: Sequence[tuple[float, str, str]], width: int) -> Line:
    """One bar in parts: each share of the whole with its character and role; a small part is still one cell."""
    whole = sum(value for value, _char, _role in shares)
    if whole <= 0 or width <= 0:
        return [("─" * width, "rule")]
    cells = [max(1, round(value / whole * width)) if value > 0 else 0 for value, _char, _role in shares]
    while sum(cells) > width:
        cells[cells.index(max(cells))] -= 1
    if cells and sum(cells) < width:
        cells[cells.index(max(cells))] += width - sum(cells)
    return [(char * n, role) for n, (_value, char, role) in zip(cells, shares, strict=True) if n]


def gauge(part: float, width: int, role: str = "run") -> Line:
    """A bar filled to `part` of one."""
    filled = max(0, min(width, round(part * width)))
    return [("━" * filled, role), ("─" * (width - filled), "rule")]
