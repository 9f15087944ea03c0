"""Memory of a process that runs for the engine: the collector passes over the start, the threads share one heap."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.thread import EngineThread
from tests.support.engines import loaded

THREADS = """
import ctypes, sys, threading
from engine.base.process import one_heap

assert not sys.argv[2] or one_heap()
together = threading.Barrier(4)

def work():
    held = [bytes(10_000) for _ in range(20)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype, libc.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""
"""Writes what the C library says of its heaps, after threads have allocated."""


@pytest.fixture
def unfrozen() -> Iterator[None]:
    """Nothing is passed over before and after the test."""
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("unfrozen")
@pytest.mark.parametrize("owns_process", [True, False])
def test_only_an_engine_that_owns_its_process_lets_the_collector_pass_over_its_start(
    home: Path, *, owns_process: bool
) -> None:
    thread = EngineThread(loaded(home), owns_process=owns_process)
    thread.start()
    try:
        assert (gc.get_freeze_count() > 10_000) is owns_process
    finally:
        thread.request_stop("the test is over")
        assert thread.join(30.0)


@pytest.mark.parametrize("one", [True, False])
def test_threads_share_one_heap_once_that_is_asked_for(tmp_path: Path, *, one: bool) -> None:
    found = tmp_path / "heaps.xml"
    subprocess.run([sys.executable, "-c", THREADS, str(found), "one" if one else ""], check=True)
    heaps = found.read_text().count("<heap nr=")
    assert (heaps == 1) is one
