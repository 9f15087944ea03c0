"""What the tests of the permission broker build."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from tests.approvals.rooms import START, Room


@pytest.fixture
def clock() -> ManualClock:
    """A moment."""
    return ManualClock(START)


@pytest.fixture
def room(tmp_path: Path, clock: ManualClock) -> Iterator[Room]:
    """A desk on a fresh store."""
    made = Room(tmp_path / "approvals.db", clock)
    yield made
    made.store.close()
