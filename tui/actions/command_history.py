"""The lines typed at `:` in this run and before: bounded, readable by their owner only, secrets taken out."""

from __future__ import annotations

import os
import re
from pathlib import Path

from engine.base.files import private_folder
from tui.render.plain_text import clean

LINES_KEPT = 200
"""Lines that are remembered; the oldest go first."""
MAX_BYTES = 256 * 1024
"""Of a larger file nothing is read."""
HIDDEN = "**********"
_PAIR = re.compile(r"([\w.*-]+)=(\"[^\"]*\"?|'[^']*'?|\S*)")
_TOKEN = re.compile(r"\b(?:sk-|gh[pousr]_|github_pat_|xox[abprs]-|AKIA)[\w-]{6,}")
_SECRET = re.compile(r"password|passwd|secret|token|api_?key|credential", re.IGNORECASE)


class CommandHistory:
    """Owner of the lines, oldest first, and of their file, when there is one."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._failing = False
        self.lines: list[str] = []

    def keep_in(self, path: Path) -> None:
        """Take in what is in this file, and write there from now on. A file that cannot be read is left alone."""
        if self._path is None:
            self._path = path
            self.lines = [*_read(path), *self.lines][-LINES_KEPT:]

    def add(self, line: str) -> str:
        """Remember a line; what keeps it from being written, said once until it is written again."""
        line = without_secrets(clean(line).strip())
        if not line or self.lines[-1:] == [line]:
            return ""
        self.lines = [*self.lines, line][-LINES_KEPT:]
        try:
            self._write(line)
        except OSError as error:
            before, self._failing = self._failing, True
            shown = f"{self._path}: {error.strerror}; what is typed is remembered until the console ends."
            return "" if before else shown
        self._failing = False
        return ""

    def _write(self, line: str) -> None:
        """What another console wrote meanwhile stays."""
        if self._path is None:
            return
        import tempfile

        kept = [*self.lines, line][-LINES_KEPT:] if self._failing else [*_read(self._path), line][-LINES_KEPT:]
        private_folder(self._path.parent)
        # mkstemp makes it readable by the owner alone.
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(f"{each}\n" for each in kept)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def without_secrets(line: str) -> str:
    """The line with the values of secret settings, and whatever looks like a token, hidden."""
    return _TOKEN.sub(HIDDEN, _PAIR.sub(_hidden, line))


def _hidden(match: re.Match[str]) -> str:
    key, value = match.groups()
    from engine.settings import catalogue
    from engine.settings.tree import hide_password

    found = catalogue.find(key)
    if found is not None and found.secret and found.address:
        return f"{key}={hide_password(value)}"
    if (found is not None and found.secret) or (found is None and _SECRET.search(key)):
        return f"{key}={HIDDEN}"
    return match.group()


def _read(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return []
        return [clean(line) for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if line.strip()]
    except OSError:
        return []
