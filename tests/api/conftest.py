"""One engine that serves, for the tests that need no settings of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.serving import Served, serving


@pytest.fixture
async def served(home: Path) -> AsyncIterator[Served]:
    """An engine without sessions yet."""
    async with serving(home) as made:
        yield made
