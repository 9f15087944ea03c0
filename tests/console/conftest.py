"""What the console's tests share: a fixed moment, and local time that is the same everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.events.recording import Recording
from tests.console import scene
from tests.support.console import FakeFeed


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are those of UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock() -> ManualClock:
    """The moment of the scene."""
    return ManualClock(scene.NOW)


@pytest.fixture
def feed() -> FakeFeed:
    """The scene, and what one of its sessions said."""
    made = FakeFeed(scene.tape(), {"s0008": scene.transcript()})
    made.conversations = scene.CONVERSATIONS
    return made


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """The scene as the flight recorder writes it."""
    return scene.recorded(tmp_path)
