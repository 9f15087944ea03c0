"""What a refresh writes to the terminal: only the cells that are to be drawn again.

Textual draws a changed line from its widget's left edge, whatever the region is; over SSH most of that is waste.
Private names of Textual used here: `textual._compositor.ChopsUpdate` with `chops`, `spans` and `chop_ends`, and
`App._display`, which hands it over; tests/console/test_cropped_update.py notices when they change.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate


class CroppedUpdate(ChopsUpdate):
    """The same update, written from the first cell of each span on."""

    @classmethod
    def of(cls, update: ChopsUpdate) -> CroppedUpdate:
        """The update, cropped."""
        return cls(update.chops, update.spans, update.chop_ends)

    def render_segments(self, console: Console) -> str:
        """The spans as text with escape sequences."""
        written: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                start = max(x, x1)
                part = strip if start == x and end <= x2 else strip.crop(start - x, min(end, x2) - x)
                written.append(Control.move_to(start, y).segment.text)
                written.append(part.render(console))
        return "".join(written)
