"""The log's thread: a reader who stalls and a disk that is full cost lines, and nobody's time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.log import writer as writer_module
from engine.log.writer import LogWriter
from tests.support.processes import wait_until

LINE = "x" * 1000 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe's ends; both are closed at the end."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def summary(lines: int) -> str:
    return f"dropped {lines}\n"


def test_a_reader_who_stalls_holds_up_nobody_and_learns_what_was_dropped(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "LINES", 100)
    writer = LogWriter(pipe[1], summary)
    began = time.monotonic()
    for _ in range(1000):
        writer.write(LINE)
    assert not writer.close(0.1)
    assert time.monotonic() - began < 5
    dropped = writer.dropped
    assert dropped >= 1000 - 100 - 66  # what a pipe holds, and what waits
    read = b""
    while writer._thread.is_alive() or len(read) < len(LINE):
        read += os.read(pipe[0], 65536)
        writer.close(0.05)
    read += os.read(pipe[0], 65536) if f"dropped {dropped}".encode() not in read else b""
    assert f"dropped {dropped}\n".encode() in read
    assert read.count(LINE.encode()) == 1000 - dropped


def test_a_full_disk_is_an_error_that_passes_and_loses_no_line(tmp_path: Path) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    writer = LogWriter(descriptor, summary)
    for number in range(10):
        writer.write(f"{number}\n")
    assert writer.wait_written(1, 5)
    assert writer.error is not None
    assert writer.error.strerror == "No space left on device"
    with (tmp_path / "log").open("wb") as there_is_space:
        os.dup2(there_is_space.fileno(), descriptor)
    wait_until(lambda: writer.error is None)
    assert writer.close(5)
    os.close(descriptor)
    assert (tmp_path / "log").read_text().split() == list("0123456789")


def test_without_a_reader_the_lines_go_nowhere() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LogWriter(writing, summary)
    for _ in range(500):
        writer.write(LINE)
    assert writer.close(5)
    os.close(writing)


def test_text_that_is_no_unicode_is_written_all_the_same(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1], summary)
    writer.write("half of a pair: \ud800\n")
    assert writer.close(5)
    assert os.read(pipe[0], 100) == b"half of a pair: \\ud800\n"
