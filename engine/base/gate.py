"""The gate of a parked agent: a named pipe in place of the transcript that it resumes, opened by writing one into it.

The pipe lies alone in a folder. When it is opened, the folder becomes a link to the transcript's own folder, and the
pipe's name a link to the transcript there: whatever the agent writes beside "its" file goes where the transcript is.
Every call here may block for as long as `seconds`: run it in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import time
from pathlib import Path

from engine.base.files import private_folder

MOST_BYTES = 2 * 1024 * 1024
"""A longer transcript is read faster from its file than through a pipe."""
_LOOK_S = 0.005


class GateShut(OSError):
    """The agent did not come to its gate, or left it before it had read all."""


def make_gate(pipe: Path) -> None:
    """Make the pipe and its folder, both for this user alone. Raises OSError."""
    remove_gate(pipe)
    private_folder(pipe.parent)
    os.mkfifo(pipe, 0o600)


def open_gate(pipe: Path, transcript: Path, seconds: float) -> None:
    """Give the agent at the pipe this transcript to resume. Raises OSError, GateShut among them."""
    deadline = time.monotonic() + seconds
    content = transcript.read_bytes()
    writer = _writer(pipe, deadline)
    try:
        link = transcript.parent / pipe.name
        link.unlink(missing_ok=True)
        link.symlink_to(transcript.name)
        pipe.parent.rename(_used(pipe))
        pipe.parent.symlink_to(transcript.parent)
        _write(writer, content, deadline)
    finally:
        os.close(writer)


def settle_gate(pipe: Path) -> None:
    """The agent has read the transcript: take away all but the link that it goes on to write through."""
    if pipe.parent.is_symlink():
        with contextlib.suppress(OSError):
            pipe.unlink(missing_ok=True)
    shutil.rmtree(_used(pipe), ignore_errors=True)


def remove_gate(pipe: Path) -> None:
    """The agent has ended: take all away; what the link leads to stays."""
    settle_gate(pipe)
    if pipe.parent.is_symlink():
        pipe.parent.unlink(missing_ok=True)
    else:
        shutil.rmtree(pipe.parent, ignore_errors=True)


def _used(pipe: Path) -> Path:
    return pipe.parent.with_suffix(".used")


def _writer(pipe: Path, deadline: float) -> int:
    """The pipe's writing end, once somebody waits at the other one."""
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        if time.monotonic() >= deadline:
            raise GateShut(errno.ETIMEDOUT, "the parked agent is not at its gate")
        time.sleep(_LOOK_S)


def _write(writer: int, content: bytes, deadline: float) -> None:
    left = memoryview(content)
    poll = select.poll()
    poll.register(writer, select.POLLOUT)
    while left:
        if not poll.poll(max(0.0, 1e3 * (deadline - time.monotonic()))):
            raise GateShut(errno.ETIMEDOUT, "the parked agent reads too slowly")
        with contextlib.suppress(BlockingIOError):
            left = left[os.write(writer, left) :]
