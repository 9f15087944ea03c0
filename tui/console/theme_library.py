"""The themes at hand: those that came along and the user's own, read again when their files change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tui.render.themes import ConsoleTheme, old_user_folder, package_folder, read_theme, user_folder

MAX_THEMES = 64
"""ConsoleTheme files read of one folder, in the order of their names; a notice states that more are not read."""

_Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ThemeChanges:
    """What a look at the folders brought: the names of themes that are new or changed, and what could not be read."""

    changed: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


class ThemeLibrary:
    """Owner of the themes that were read; the user's own win by name. A file with a mistake keeps its last content."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._own = (old_user_folder(environ), user_folder(environ))
        self._stamps: dict[Path, _Stamp] = {}
        self._read: dict[Path, ConsoleTheme] = {}
        self._overfull: frozenset[Path] = frozenset()
        self.themes: dict[str, ConsoleTheme] = {}

    def look(self) -> ThemeChanges:
        """Read what is new or was changed since the last look; one `stat` a file when nothing was."""
        problems: list[str] = []
        stamps = {
            path: stamp for folder in (package_folder(), *self._own) for path, stamp in self._files(folder, problems)
        }
        if stamps == self._stamps:
            return ThemeChanges(problems=tuple(problems))
        self._read = {path: theme for path, theme in self._read.items() if path in stamps}
        for path in [path for path, stamp in stamps.items() if self._stamps.get(path) != stamp]:
            try:
                self._read[path] = replace(read_theme(path), own=path.parent in self._own)
            except (OSError, ValueError) as error:
                problems.append(f"{path}: {error}")
        self._stamps = stamps
        before, self.themes = (
            self.themes,
            {self._read[path].name: self._read[path] for path in stamps if path in self._read},
        )
        changed = frozenset(name for name, theme in self.themes.items() if before.get(name) != theme)
        return ThemeChanges(changed, tuple(problems))

    def _files(self, folder: Path, problems: list[str]) -> list[tuple[Path, _Stamp]]:
        paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
        if len(paths) > MAX_THEMES and folder not in self._overfull:
            self._overfull |= {folder}
            problems.append(f"{folder}: more than {MAX_THEMES} themes, so the last are not read")
        found = []
        for path in paths[:MAX_THEMES]:
            try:
                facts = path.stat()
            except OSError:  # gone since the folder was listed, or a link to nowhere
                continue
            found.append((path, (facts.st_mtime_ns, facts.st_size)))
        return found
