"""A token changes figures, never what runs on the engine's machine or where its credential goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.api.access import TokenGate
from engine.api.server import application
from engine.engine import Engine
from engine.settings.catalogue import catalogue
from tests.support.engines import running

TOKEN = "a token of the tests"
HARMFUL: list[dict[str, Any]] = [
    {"claude.binary": "/tmp/evil"},
    {"claude": {"binary": "/tmp/evil"}},
    {"claude.extra_args": ["--settings={}"]},
    {"claude.setting_sources": ["project"]},
    {"alerts.command.argv": ["/tmp/evil"]},
    {"alerts": {"command": {"argv": ["/tmp/evil"]}}},
    {"alerts.webhook.allow_private": True},
    {"credential.base_url": "http://evil.example"},
    {"credential.api_key": "sk-evil"},
    {"profiles.default.environment.ANTHROPIC_BASE_URL": "http://evil.example"},
    {"profiles.default.environment": {"NODE_OPTIONS": "--require=/tmp/evil.js"}},
    {"profiles.new": {"environment": {"LD_PRELOAD": "/tmp/evil.so"}}},
    {"profiles.default.workspace": "/tmp"},
    {"profiles.default.directories": ["/"]},
    {"profiles.default.backend": "evil:Backend"},
    {"profiles.default.allow_github_token": True},
    {"profiles.kept.environment.ANTHROPIC_BASE_URL": None},
    {"session_pool.load_balancing.strategy": "evil:Balancer"},
    {"recovery.strategies.network": "evil:Strategy"},
    {"recovery.rules": "/dev/zero"},
    {"console.screens": ["evil:Screen"]},
    {"console.templates": "/etc"},
    {"recovery": {"rules": "/tmp/evil.toml"}},
    {"session_pool.max_size": 7, "claude.binary": "/tmp/evil"},
]
HARMLESS: list[dict[str, Any]] = [
    {"session_pool.max_size": 7},
    {"session_pool.load_balancing.strategy": "round_robin"},
    {"profiles.new": {"model": "opus", "warm": 1}},
    {"profiles.default.backend": "simulator"},
    {"recovery.strategies.network": "none"},
    {"profiles.kept": None},
]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    kept = "profiles.kept.environment.ANTHROPIC_BASE_URL=http://127.0.0.1:9"
    async with running(tmp_path, kept) as made:
        yield made


def by_token(engine: Engine) -> httpx.AsyncClient:
    gate = TokenGate(application(engine, "ana"), TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://engine", headers=headers)


def locally(engine: Engine) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(application(engine, "ana")), base_url="http://engine")


@pytest.mark.parametrize("changes", HARMFUL, ids=str)
async def test_what_runs_here_is_not_changed_with_a_token(engine: Engine, changes: dict[str, Any]) -> None:
    before = engine.settings
    async with by_token(engine) as client:
        for method, path in (("PATCH", "/api/config"), ("POST", "/api/config/check")):
            refused = await client.request(method, path, json=changes)
            said = refused.json()
            assert (refused.status_code, said["code"], said["success"]) == (403, "local_only", False)
            assert "quarterdeck config set" in said["remedy"]
    assert engine.settings is before


@pytest.mark.parametrize("changes", HARMLESS, ids=str)
async def test_the_rest_is(engine: Engine, changes: dict[str, Any]) -> None:
    async with by_token(engine) as client:
        assert (await client.patch("/api/config", json=changes)).status_code == 200


async def test_a_local_change_is_made_and_a_token_does_not_undo_it(engine: Engine) -> None:
    async with locally(engine) as client:
        assert (await client.patch("/api/config", json={"claude.extra_args": ["--debug"]})).status_code == 200
    async with by_token(engine) as client:
        assert (await client.post("/api/config/undo")).status_code == 403
    async with locally(engine) as client:
        assert (await client.post("/api/config/undo")).status_code == 200
    assert engine.settings.claude.extra_args == ()


async def test_a_token_saves_no_local_change(engine: Engine, tmp_path: Path) -> None:
    async with locally(engine) as client:
        changes = {"claude.extra_args": ["--debug"], "session_pool.max_size": 7}
        assert (await client.patch("/api/config", json=changes)).status_code == 200
    async with by_token(engine) as client:
        refused = await client.post("/api/config/save", json={"keys": ["claude.extra_args"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "local_only")
        saved = (await client.post("/api/config/save", json={})).json()["data"]["saved"]
    assert (saved["keys"], saved["left_out"]) == (["session_pool.max_size"], ["claude.extra_args"])
    assert "--debug" not in Path(saved["file"]).read_text()
    assert Path(saved["file"]).is_relative_to(tmp_path)
    async with locally(engine) as client:
        saved = (await client.post("/api/config/save", json={})).json()["data"]["saved"]
    assert saved["keys"] == ["claude.extra_args"]


def test_every_setting_that_names_a_program_or_a_credential_is_marked() -> None:
    words = ("program", "arguments for", "API key", "token for", "token from", "environment variable")
    named = {
        key
        for key, setting in catalogue().items()
        if any(word in setting.description for word in words) and setting.restart != "engine"
    }
    assert named >= {"claude.binary", "alerts.command.argv", "credential.api_key", "profiles.*.environment"}
    assert not [key for key in named if not catalogue()[key].local_only]
