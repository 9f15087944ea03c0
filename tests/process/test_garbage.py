"""The garbage collector in a process that runs for the engine: it passes over what the start has made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.thread import EngineThread
from tests.support.engines import loaded


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
