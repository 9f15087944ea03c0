"""Whether a parked process would be the same as a new one for a conversation; for a thread, as it reads files.

What an agent reads from its directory only at its start must be the same now as when the process was parked there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.backends.base import AgentSpec
from engine.base.files import entries
from engine.base.gate import MOST_BYTES
from engine.sessions.workplace import PROJECT_SETTINGS

_READ_AT_START = (*PROJECT_SETTINGS, "CLAUDE.md", "CLAUDE.local.md")
MIB = 1024 * 1024
Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of the last change in nanoseconds and size of each file."""


@dataclass(frozen=True, slots=True)
class Parking:
    """Where a process is parked, None for a directory of its own, and what its agent may have read there."""

    directory: Path | None = None
    stamp: Stamp = ()


def unfit(spec: AgentSpec, transcript: Path, directory: Path, parked: Parking) -> str:
    """Why the process would not be the same; empty when it would. Raises OSError."""
    if (size := transcript.stat().st_size) > MOST_BYTES:
        return f"its transcript of {size / MIB:.1f} MiB is over {MOST_BYTES // MIB} MiB"
    if spec.permission_mode:
        return f"it runs with its own permission mode {spec.permission_mode}"
    if spec.named_directory:
        return "it works in a directory that a request named"
    if directory != parked.directory:
        return "no process is parked in its directory"
    return "" if stamp_of(directory) == parked.stamp else "the settings in its directory changed"


def needs_new_process(spec: AgentSpec, transcript: int) -> bool:
    """Whether no parked process could ever wake a conversation, by its spec and the bytes of its transcript."""
    return transcript > MOST_BYTES or bool(spec.permission_mode) or spec.named_directory


def stamp_of(directory: Path) -> Stamp:
    """What an agent reads there at its start, as it is now."""
    given = [directory / name for name in _READ_AT_START]
    files = [*given, *(each for folder in given if folder.is_dir() for each in entries(folder))]
    return tuple(stamp for file in files if (stamp := _stamp(file)) is not None)


def _stamp(file: Path) -> tuple[str, int, int] | None:
    try:
        found = file.lstat()
    except FileNotFoundError:
        return None
    return file.name, found.st_mtime_ns, found.st_size
