"""What the theme chooser shows of the theme under its cursor: every token at work, and how well it reads. Pure."""

from __future__ import annotations

import math

from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.render.spans import Line, fit, rule
from tui.render.themes import READABLE, ConsoleTheme
from tui.screens.header import COUNTED

WIDTH = 68
"""Cells of the sample."""


def sample(theme: ConsoleTheme) -> list[Line]:
    """Six lines drawn in the theme that is being tried on."""
    states: Line = [(" ", "")]
    for state in COUNTED:
        states += [(STATE_GLYPHS[state], STATE_ROLES[state]), (f" {state.value}  ", "")]
    return [
        rule("SAMPLE", WIDTH, theme.name),
        states,
        [(" text  ", ""), ("less of it  ", "muted"), ("strong  ", "strong"), ("━━━━━━━━", "run"), ("────", "rule")],
        [(fit("▌s0042  ● running   the row that the cursor is on", WIDTH), "cursor")],
        _reads(theme),
    ]


def _reads(theme: ConsoleTheme) -> Line:
    least, whose = theme.least_contrast
    if math.isinf(least):
        return [(" the terminal's own 16 colours: how they read is its affair", "muted")]
    verdict = f" hardest to read: {whose}, {least:.1f} to 1 (should be {READABLE:g})"
    return [(verdict, "muted" if least >= READABLE else "retry")]
