"""Readiness names what keeps sessions from starting, and recovers by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backends.base import Profile
from engine.backends.startable import REFUSED_S, Startable
from engine.base.clock import ManualClock
from engine.events.types import ErrorSeen, EventEnvelope, TurnEnded
from tests.support.engines import running
from tests.support.processes import until


async def test_a_workspace_that_is_gone_makes_the_engine_unready_until_it_is_back(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    async with running(tmp_path, f"profiles.default.workspace={workspace}") as engine:
        assert engine.ready() == []
        workspace.rmdir()
        assert engine.ready() == [f"the workspace {workspace} of profile default does not exist"]
        workspace.mkdir()
        assert engine.ready() == []


async def test_a_maintenance_that_has_stopped_makes_the_engine_unready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as engine:
        await until(lambda: engine.maintenance.rounds > 0)
        monkeypatch.setattr("engine.maintenance.LATE_S", -1.0)
        assert "the last maintenance round began" in engine.ready()[0]


def test_a_cli_that_is_gone_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "claude"
    startable = Startable(lambda: binary, lambda _session: "default", ManualClock())
    assert startable.obstacle(Profile("default")) == f"the CLI of profile default, {binary}, is gone or cannot be run"
    binary.write_text("#!/bin/sh\n")
    assert "cannot be run" in startable.obstacle(Profile("default"))
    binary.chmod(0o755)
    assert startable.obstacle(Profile("default")) == ""
    binary.unlink()
    assert startable.obstacle(Profile("default", backend="simulator")) == ""


def refused(code: str) -> EventEnvelope:
    return EventEnvelope(
        1, 0.0, ErrorSeen(error="e1", request="r1", kind="auth", code=code, text="401", profile="default")
    )


def test_a_refused_credential_counts_until_a_turn_succeeds_or_its_time_is_over() -> None:
    clock = ManualClock()
    startable = Startable(lambda: None, lambda _session: "default", clock)
    startable.follow(refused("api_401"))
    assert startable.obstacles([Profile("default"), Profile("other")]) == [
        "the API refused the credential of profile default"
    ]
    startable.follow(
        EventEnvelope(2, 0.0, TurnEnded(request="r2", session="s1", ok=True, outcome="success", duration=1.0))
    )
    assert startable.obstacles([Profile("default")]) == []
    startable.follow(refused("api_401"))
    clock.advance(REFUSED_S + 1)
    assert startable.obstacles([Profile("default")]) == []
