"""The two agents that must behave alike: the real CLI on the offline model, and the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.offline.server import OfflineModel
from tests.support.rig import Rig


@pytest.fixture(params=[pytest.param("claude", marks=pytest.mark.real_cli), "simulator"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Everything a session needs, around one of the two agents."""
    if request.param == "simulator":
        made = Rig(tmp_path)
        yield made
        await made.aclose()
        return
    async with OfflineModel() as model:
        made = Rig(tmp_path, request.getfixturevalue("claude"), model.url)
        yield made
        await made.aclose()
