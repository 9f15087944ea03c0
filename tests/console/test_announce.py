"""What is said on standard error while the engine drains never holds the drain up."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from tui.terminal.output import announce


def fill(fd: int) -> None:
    """Write to a pipe until it takes no more, and let it wait again."""
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"x" * 4096)
    os.set_blocking(fd, True)


def test_a_full_pipe_that_nobody_reads_is_left_in_time() -> None:
    reader, writer = os.pipe()
    try:
        fill(writer)
        began = time.monotonic()
        announce("quarterdeck: draining", writer, 0.1)
        assert 0.1 <= time.monotonic() - began < 5.0
        assert os.get_blocking(writer)  # whoever shares it still waits
    finally:
        os.close(reader)
        os.close(writer)


def test_a_pipe_and_a_file_get_the_line_and_a_pipe_that_is_gone_harms_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    announce("quarterdeck: draining", writer)
    assert os.read(reader, 100) == b"quarterdeck: draining\n"
    os.close(reader)
    announce("quarterdeck: draining", writer)
    os.close(writer)
    announce("quarterdeck: draining", writer)
    with (tmp_path / "log").open("wb") as log:
        log.write(b"before\n")
        log.flush()
        announce("quarterdeck: draining", log.fileno())
    assert (tmp_path / "log").read_text() == "before\nquarterdeck: draining\n"
