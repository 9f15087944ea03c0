"""Engines for tests: the simulator in a temporary folder, and what they leave proven empty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.base.clock import Clock
from engine.base.processes import ENGINE_TAG, tagged
from engine.engine import Engine
from engine.settings.load import Loaded, load_settings


def loaded(folder: Path, *overrides: str) -> Loaded:
    """Settings of a simulator engine that touches nothing outside `folder`."""
    base = (
        "engine.backend=simulator",
        f"engine.state_dir={folder / 'state'}",
        f"api.socket={folder / 'engine.sock'}",
        "engine.demo=off",
        "engine.stop_term_grace=1s",
        "engine.grace=1s",
        "retry.breaker_wait=0s",  # tests of breakers see what they refuse
        "session_pool.min_size=0",
        "session_pool.wake_spares=0",
        "session_pool.auto_scaling.scale_up_threshold=1",  # no session beside those that are needed
        "session_pool.auto_scaling.target_cpu=1",  # whatever else runs on the machine
    )
    environ = {"HOME": str(folder / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return load_settings(None, [*base, *overrides], environ, None)


@asynccontextmanager
async def running(
    folder: Path, *overrides: str, clock: Clock | None = None, owns_process: bool = False
) -> AsyncIterator[Engine]:
    """A started engine, this process's guest unless it owns it; at the end its tree must be empty."""
    environ = {"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"}
    engine = Engine(loaded(folder, *overrides), clock=clock, environ=environ, owns_process=owns_process)
    await engine.start()
    try:
        yield engine
    finally:
        assert await engine.aclose() == 0
        assert tagged(lambda tags: tags.get(ENGINE_TAG) == engine.id) == []
