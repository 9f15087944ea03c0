"""Files that are named in a prompt after `@`: what is being typed, what fits it, and the one that is chosen. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tui.render.plain_text import clean
from tui.render.spans import Line, crop, fit_end

SHOWN = 4
"""Files that are shown at once."""
_QUOTED = re.compile(r'@"[^"\n]*"')
_BEGUN = re.compile(r'(?:^|(?<=[\s(\[,;:]))@(?:"([^"\n]{0,200})|([^\s"@]{0,200}))\Z')


def begun(before: str) -> tuple[int, str] | None:
    """Where the name begins that is being typed at the end of this text, and what there is of it."""
    found = _BEGUN.search(_QUOTED.sub(lambda done: "." * len(done[0]), before))
    if found is None:
        return None
    return found.start(), found[1] if found[1] is not None else found[2]


def mention(path: str) -> str:
    """The file as it is written in a prompt."""
    return f'@"{path}" ' if re.search(r"[\s@]", path) else f"@{path} "


class FileOffers:
    """Owner of the files that fit what is being typed; hidden ones of one name stay hidden until another is begun."""

    def __init__(self) -> None:
        self.wanted: str | None = None
        self.files: Sequence[str] = ()
        self._at = 0
        self._note = ""
        self._closed_at: int | None = None

    def follow(self, before: str) -> bool:
        """The text before the cursor is this now; whether other files are wanted than before."""
        found = begun(before)
        if found is None:
            self._closed_at = None
        wanted = found[1] if found is not None and found[0] != self._closed_at else None
        changed = wanted is not None and wanted != self.wanted
        if wanted != self.wanted:
            self._note = "looking …" if not self.files else self._note
        if wanted is None:
            self.files, self._note = (), ""
        self.wanted = wanted
        return changed

    def take(self, files: Sequence[str], *, more: bool) -> None:
        """What was found."""
        self.files, self._at = files, 0
        self._note = "and more" if more else "" if files else "no file fits"

    def refuse(self, why: str) -> None:
        """Nothing can be found, because of this."""
        self.files, self._note = (), why

    def close(self, before: str) -> None:
        """Offer no more for the name that is being typed."""
        found = begun(before)
        self._closed_at = found[0] if found is not None else None
        self.wanted, self.files = None, ()

    @property
    def chosen(self) -> str:
        """The file under the cursor, empty when there is none."""
        return self.files[self._at] if self.files else ""

    def move(self, step: int) -> None:
        """The file before or after, round the ends."""
        self._at = (self._at + step) % max(1, len(self.files))

    def lines(self, width: int) -> list[Line]:
        """What is shown, nothing while no name is being typed."""
        if self.wanted is None:
            return []
        top = min(max(0, self._at - SHOWN + 1), max(0, len(self.files) - SHOWN))
        shown = list(enumerate(self.files))[top : top + SHOWN]
        lines: list[Line] = [
            [("▌ " if at == self._at else "  ", ""), (fit_end(path, width - 2), "cursor" if at == self._at else "")]
            for at, path in shown
        ]
        number = f"{self._at + 1} of {len(self.files)} " if self.files else ""
        keys = "  tab takes it · up down choose · esc none" if self.files else ""
        return [*lines, crop([(f"  {number}{clean(self._note)}{keys}", "muted")], width)]
