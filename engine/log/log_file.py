"""A file that standard output and standard error go to, bounded: past its size it becomes the one before."""

from __future__ import annotations

import os
from pathlib import Path

from engine.base.errors import QuarterdeckError
from engine.base.files import private_folder

BOUND = 16 * 1024**2
"""Bytes after which a new file is begun; the last one is kept as `NAME.1`."""
_OUTPUTS = (1, 2)


class LogUnwritable(QuarterdeckError):
    """The log takes nothing at the start."""

    code, http_status = "log_unwritable", 503


class LogFile:
    """Owner of the file behind this process's standard output and error."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        """Send standard output and error there from now on. Raises LogUnwritable."""
        try:
            self._open()
        except OSError as error:
            sentence = f"The log {self._path} cannot be written: {error.strerror}."
            raise LogUnwritable(sentence, remedy="Set `engine.state_dir` to a folder of yours.") from error

    def _open(self) -> None:
        private_folder(self._path.parent)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            for number in _OUTPUTS:
                os.dup2(handle, number)
        finally:
            os.close(handle)

    def rotate(self) -> None:
        """Once a second: begin a new file when this one is full, or when it is not at its path any more.

        Raises OSError.
        """
        mine = os.fstat(_OUTPUTS[0])
        try:
            there = self._path.stat()
        except FileNotFoundError:
            self._open()
            return
        if (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
            self._open()
        elif mine.st_size >= BOUND:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._open()
