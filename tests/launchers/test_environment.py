"""What an agent inherits is an allow-list, read here from the real environment of the real process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.offline_model.server import OfflineModel
from tests.support.processes import environ_of
from tests.support.sessions import SessionFixture

PASSED = {"PATH", "LANG", "TERM", "TZ"}
OWN = {
    "HOME",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_MAX_RETRIES",
    "CLAUDE_CODE_TMPDIR",
    "TMPDIR",
    "QUARTERDECK_ENGINE",
    "QUARTERDECK_SESSION",
}
PINNED = {
    "BUN_JSC_numberOfGCMarkers",
    "CLAUDE_CODE_DISABLE_AGENT_VIEW",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK",
    "CLAUDE_CODE_EAGER_FLUSH",
    "CLAUDE_CODE_STARTUP_FAILURE_RESULTS",
    "DISABLE_AUTOUPDATER",
    "DISABLE_UPDATES",
}
KEY = {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"}
SECRETS = {
    "ANTHROPIC_API_KEY": "sk-parent",
    "ANTHROPIC_AUTH_TOKEN": "parent",
    "AWS_SECRET_ACCESS_KEY": "parent",
    "CLAUDECODE": "1",
    "CLAUDE_CODE_OAUTH_TOKEN": "parent",
    "DATABASE_URL": "postgres://me:parent@db/app",
    "ENCRYPTION_KEY": "parent",
    "GITHUB_TOKEN": "parent",
    "HTTPS_PROXY": "http://parent",
    "LD_LIBRARY_PATH": "/parent",
    "MY_OWN": "parent",
    "PYTHONPATH": "/parent",
    "SSH_AUTH_SOCK": "/parent",
}


@pytest.fixture(autouse=True)
def parents(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with much that is nobody else's business."""
    for name in ("LANGUAGE", "LC_ALL", "LC_CTYPE", "USER", "LOGNAME", "SHELL", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"LANG": "C.UTF-8", "TERM": "dumb", "TZ": "UTC", **SECRETS}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=[pytest.param("claude", marks=pytest.mark.real_cli), "simulator"])
async def session_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionFixture]:
    """A rig around one of the two agents."""
    async with OfflineModel() as model:
        binary = request.getfixturevalue("claude") if request.param == "claude" else None
        made = SessionFixture(tmp_path, binary, model.url)
        yield made
        await made.aclose()


async def test_an_agent_sees_what_is_allowed_and_nothing_else(session_fixture: SessionFixture, tmp_path: Path) -> None:
    session = await session_fixture.start(session_fixture.profile(environment={"FOR_THE_AGENT": "yes"}))
    seen = environ_of(session.pid)
    real = PINNED | KEY if "ANTHROPIC_BASE_URL" in seen else set()
    assert seen.keys() == PASSED | OWN | real | {"FOR_THE_AGENT"}
    assert not [name for name, value in seen.items() if "parent" in value]
    assert seen["HOME"].startswith(str(tmp_path))
    assert seen["CLAUDE_CONFIG_DIR"].startswith(str(tmp_path / "agents") if real else seen["HOME"])
    assert seen["TMPDIR"] == seen["CLAUDE_CODE_TMPDIR"]
    assert session.id in seen["TMPDIR"]
    assert seen["QUARTERDECK_SESSION"] == f"{session_fixture.engine}/{session.id}"


async def test_a_tool_sees_nothing_of_the_parents_either(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start(flags=["--allowedTools=Bash"])
    await session_fixture.ask(session, '[[tool: Bash {"command": "env > seen"}]]')
    seen = (session.cwd / "seen").read_text()
    assert f"QUARTERDECK_SESSION={session_fixture.engine}/{session.id}" in seen.splitlines()
    assert "parent" not in seen
