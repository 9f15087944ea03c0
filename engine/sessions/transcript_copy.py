"""A conversation's transcript copied as the beginning of another conversation."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from engine.sessions.history import BLOCK

MAX_COPIED = 256 * 1024**2
"""Bytes of a transcript that is copied."""


def copy_transcript(path: Path, conversation: str) -> Path:
    """The whole lines of `path` beside it as the transcript of `conversation`; returns the new file.

    The file is there as a whole or not at all. Raises OSError, also for what is no regular file or over MAX_COPIED.
    """
    target, part = path.with_name(f"{conversation}.jsonl"), path.with_name(f"{conversation}.part")
    named = re.compile(rb'("sessionId":\s*)"%s"' % re.escape(path.stem.encode()))
    source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(source, "rb", buffering=BLOCK) as lines:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_COPIED:
            raise OSError(f"{path} is no regular file of at most {MAX_COPIED >> 20} MiB")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as copy:
                for line in lines:
                    if line.endswith(b"\n"):
                        copy.write(named.sub(rb'\1"%s"' % conversation.encode(), line))
            part.rename(target)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    return target
