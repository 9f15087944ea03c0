"""The folder that keeps the captures: private, bounded in files and bytes, the oldest captures go first."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.base.errors import BadInput, NotFound
from engine.base.files import entries, modified_at, private_folder, size_of, write_private

FORMATS = {"markdown": ".md", "speedscope": ".speedscope.json", "flamegraph": ".svg"}
"""Names of the formats, and how their files end."""
MOST_READ = 16 * 1024**2
_NAME = re.compile(r"capture-[0-9A-Za-z-]{1,64}(\.md|\.svg|\.speedscope\.json)")
_REMEDY = (
    "Free disk space, or set `profiler.folder` to a folder of yours; `quarterdeck profiler report` shows what was "
    "captured last."
)


@dataclass(frozen=True, slots=True)
class FolderLimits:
    """Most files and bytes."""

    files: int
    size: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a capture: bytes, and when it was written in seconds since 1970."""

    name: str
    size: int
    written_at: float


def check_folder(folder: Path) -> None:
    """Raises BadInput for a folder that cannot be made or written to, before anything is captured."""
    try:
        private_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(folder, PermissionError(13, "permission denied"))


def keep(folder: Path, files: Mapping[str, bytes], limits: FolderLimits) -> list[str]:
    """Write the files of one capture, then remove the oldest beyond the limits; returns their names.

    A folder that is gone is made again. Raises BadInput, and has removed nothing, where they cannot be written.
    """
    size = sum(len(content) for content in files.values())
    if len(files) > limits.files or size > limits.size:
        text = f"The capture takes {len(files)} files and {size} bytes, more than the folder may hold."
        raise BadInput(text, field="profiler.max_bytes", remedy="Raise `profiler.max_bytes` or `profiler.max_files`.")
    try:
        private_folder(folder)
        written: list[Path] = []
        try:
            for name, content in files.items():
                write_private(folder / name, content)
                written.append(folder / name)
        except OSError:
            for path in written:
                path.unlink(missing_ok=True)
            raise
        _prune(folder, limits, set(files))
    except OSError as error:
        raise _unwritable(folder, error) from error
    return list(files)


def kept_files(folder: Path) -> list[KeptFile]:
    """Those there are, the newest first; files of other names are left alone."""
    paths = [path for path in entries(folder) if _NAME.fullmatch(path.name) and path.is_file()]
    found = [KeptFile(path.name, size_of(path), modified_at(path)) for path in paths]
    return sorted(found, key=lambda each: (each.written_at, each.name), reverse=True)


def read_kept(folder: Path, name: str) -> str:
    """The text of one. Raises NotFound for a name that no capture has, and BadInput for one too large to send."""
    path = folder / name
    if not _NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        raise NotFound(f"There is no capture file {name!r}.", field="name", remedy="`quarterdeck profiler files`.")
    if (size := size_of(path)) > MOST_READ:
        raise BadInput(f"{name} has {size} bytes, too many to send.", field="name", remedy=f"Open {path}.")
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotFound(f"{name} cannot be read: {error.strerror}.", field="name", remedy=f"Look at {path}.") from error


def _prune(folder: Path, limits: FolderLimits, new: set[str]) -> None:
    found = kept_files(folder)
    size = sum(each.size for each in found)
    others = [each for each in found if each.name not in new]
    while others and (len(others) + len(new) > limits.files or size > limits.size):
        oldest = others.pop()
        (folder / oldest.name).unlink(missing_ok=True)
        size -= oldest.size


def _unwritable(folder: Path, error: OSError) -> BadInput:
    reason = (error.strerror or str(error)).lower()
    return BadInput(f"Captures cannot be written to {folder}: {reason}.", field="profiler.folder", remedy=_REMEDY)
