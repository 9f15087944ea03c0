"""A yard in which trees of processes grow, felled after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.launchers.launching import LauncherFixture


@pytest.fixture
async def launchers(tmp_path: Path) -> AsyncIterator[LauncherFixture]:
    """A launcher of real processes, with the tag of an engine that nobody else has."""
    made = LauncherFixture(tmp_path)
    yield made
    await made.aclose()
