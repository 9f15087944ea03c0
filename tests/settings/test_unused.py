"""Settings that nothing reads yet say so, and every other setting has a reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import SettingsError
from engine.engine import Engine
from engine.events.types import Notice
from engine.settings.catalogue import catalogue
from engine.settings.live import LiveSettings
from engine.settings.load import load_settings
from engine.settings.schema import Settings
from engine.settings.unused import notices

GIVEN = {
    "security.encryption_key": "ab" * 32,
    "database.url": "sqlite:///x.db",
}


def test_these_are_all_that_wait_for_a_part() -> None:
    assert {key for key, setting in catalogue().items() if setting.unused_before} == set(GIVEN)


@pytest.mark.parametrize("key", GIVEN)
def test_on_the_command_line_it_is_refused_with_not_yet(key: str) -> None:
    with pytest.raises(SettingsError, match=r"not yet: nothing reads it before the store lands") as caught:
        load_settings(None, [f"{key}={GIVEN[key]}"], {}, None)
    assert GIVEN[key] not in str(caught.value)


@pytest.mark.parametrize("key", GIVEN)
def test_a_live_change_is_refused_with_not_yet(key: str) -> None:
    live = LiveSettings(Settings(), clock=ManualClock())
    with pytest.raises(SettingsError, match="not yet") as caught:
        live.propose({key: GIVEN[key]}, "ana")
    assert "cannot change while" not in str(caught.value)
    assert not live.history


def test_from_a_file_or_the_environment_it_loads_with_a_line(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("database: {url: 'sqlite:///x.db'}\nsession_pool: {max_size: 3}\n")
    loaded = load_settings(file, [], {"ENCRYPTION_KEY": "ab" * 32}, None)
    assert sorted(notices(loaded.origins)) == [
        f"database.url ({file}) is not used before the store lands",
        "security.encryption_key (environment ENCRYPTION_KEY) is not used before the store lands",
    ]


async def test_the_engine_says_so_at_its_start(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("database: {url: 'sqlite:///x.db'}\n")
    given = ["engine.backend=simulator", f"engine.state_dir={tmp_path}", "engine.demo=off", "session_pool.min_size=0"]
    engine = Engine(load_settings(file, given, {"HOME": str(tmp_path)}, None), environ={"HOME": str(tmp_path)})
    heard: list[str] = []
    engine.bus.listen(lambda told: heard.append(told.event.text) if isinstance(told.event, Notice) else None)
    await engine.start()
    await engine.aclose()
    assert f"database.url ({file}) is not used before the store lands." in heard
