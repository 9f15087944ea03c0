"""What an edit changes, as lines of spans: removed and added lines with a little of what stands around them."""

from __future__ import annotations

import difflib

from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.render.wrapping import TAB

COMPARED = 2000
"""Lines that are compared; of longer texts all is shown as removed and added, because comparing costs their product."""
_CONTEXT = 2


def diff_lines(before: str, after: str) -> tuple[list[Line], int, int]:
    """The lines of the difference, and how many were added and removed."""
    old, new = before.split("\n") if before else [], after.split("\n") if after else []
    if max(len(old), len(new)) > COMPARED:
        changed = [f"-{line}" for line in old] + [f"+{line}" for line in new]
    else:
        changed = list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT))[2:]
    added = sum(line.startswith("+") for line in changed)
    removed = sum(line.startswith("-") for line in changed)
    return [_line(line) for line in changed if not line.startswith("@@")], added, removed


def _line(line: str) -> Line:
    mark = line[:1]
    role = {"+": "run", "-": "fail"}.get(mark, "muted")
    return [(f"{mark} ", role), (clean(line[1:].expandtabs(TAB)), role)]
