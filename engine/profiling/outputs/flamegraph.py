"""A flame graph as one SVG file without scripts: its root below, callees above, widths by samples."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from engine.profiling.stacks import Stack, labels

_WIDTH, _ROW, _MARGIN, _LETTER = 1200, 17, 10, 7.0
_NARROWEST = 0.5
"""Pixels below which a box is left out."""
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""


@dataclass(slots=True)
class _Box:
    name: str
    count: int = 0
    above: dict[str, _Box] = field(default_factory=dict)


def flamegraph(title: str, stacks: Sequence[Stack]) -> bytes:
    """The file; hovering over a box shows its name, samples and share."""
    root = _Box("all")
    for stack in stacks:
        box = root
        box.count += stack.count
        for label in labels(stack):
            box = box.above.setdefault(label, _Box(label))
            box.count += stack.count
    scale = (_WIDTH - 2 * _MARGIN) / max(1, root.count)
    boxes = list(_placed(root, scale))
    height = (max((level for _, _, level in boxes), default=0) + 4) * _ROW
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
            f'viewBox="0 0 {_WIDTH} {height}" font-family="monospace" font-size="12">'
        ),
        '<rect width="100%" height="100%" fill="#fffdf5"/>',
        f'<text x="{_MARGIN}" y="{_ROW}">{_text(title)}: {root.count} samples</text>',
        *(_drawn(box, x, height - (level + 2) * _ROW, scale, root.count) for box, x, level in boxes),
        "</svg>\n",
    ]
    return "\n".join(lines).encode()


def _placed(root: _Box, scale: float) -> Iterator[tuple[_Box, float, int]]:
    """Every box wide enough to be seen, with its left edge and its level."""
    pending = [(root, float(_MARGIN), 0)]
    while pending:
        box, x, level = pending.pop()
        if box.count * scale < _NARROWEST:
            continue
        yield box, x, level
        for above in sorted(box.above.values(), key=lambda each: each.name):
            pending.append((above, x, level + 1))
            x += above.count * scale


def _drawn(box: _Box, x: float, y: float, scale: float, all_samples: int) -> str:
    width = box.count * scale
    letters = int((width - 4) / _LETTER)
    label = box.name if len(box.name) <= letters else f"{box.name[: letters - 1]}…"
    text = f'<text x="{x + 2:.1f}" y="{y + 12}">{_text(label)}</text>' if letters > 2 else ""
    share = box.count / max(1, all_samples)
    return (
        f"<g><title>{_text(box.name)}: {box.count} samples, {share:.1%}</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 1}" rx="2" fill="{_colour(box.name)}"/>'
        f"{text}</g>"
    )


def _colour(name: str) -> str:
    """A warm colour that is always the same for a name."""
    number = zlib.crc32(name.encode(errors="replace"))
    return f"rgb({205 + number % 50},{90 + (number >> 8) % 110},{(number >> 16) % 60})"


def _text(text: str) -> str:
    return escape(_UNPRINTABLE.sub("?", text))
