"""The two agents that must behave alike: the real CLI on the offline model, and the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from engine.backends.claude import PINNED
from engine.offline_model.server import OfflineModel
from tests.simulated_agent.agent import SIMULATOR, Running
from tests.support.sessions import SessionFixture


@pytest.fixture(params=[pytest.param("claude", marks=pytest.mark.real_cli), "simulator"])
async def session_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionFixture]:
    """Everything a session needs, around one of the two agents."""
    if request.param == "simulator":
        made = SessionFixture(tmp_path)
        yield made
        await made.aclose()
        return
    async with OfflineModel() as model:
        made = SessionFixture(tmp_path, request.getfixturevalue("claude"), model.url)
        yield made
        await made.aclose()


class Agents:
    """Starts processes of one of the two agents in one home, so that one can take up what another left."""

    def __init__(self, home: Path, program: Sequence[str], environment: dict[str, str]) -> None:
        self.home = home
        self._program = program
        self._environment = environment

    def __call__(self, *flags: str, **environment: str) -> Running:
        """One process, to be entered."""
        return Running(self.home, *flags, program=self._program, **self._environment, **environment)


@pytest.fixture(params=[pytest.param("claude", marks=pytest.mark.real_cli), "simulator"])
async def agents(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Agents]:
    """Processes of the real CLI on the offline model, or of the simulator, without an engine between."""
    plain = {"CLAUDE_CODE_MAX_RETRIES": "0", "CLAUDE_CODE_TMPDIR": str(tmp_path / "scratch")}
    if request.param == "simulator":
        yield Agents(tmp_path, SIMULATOR, plain)
        return
    program = (str(request.getfixturevalue("claude")), "--setting-sources=")
    async with OfflineModel() as model:
        credential = {"ANTHROPIC_API_KEY": "offline", "ANTHROPIC_BASE_URL": model.url}
        yield Agents(tmp_path, program, {**PINNED, **credential, **plain})
