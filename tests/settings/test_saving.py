"""Live changes survive a restart when they are saved: the file keeps its comments, and no secret gets into it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, SettingsError
from engine.settings.live import LiveSettings
from engine.settings.load import load_settings
from engine.settings.local_only import LocalOnly
from engine.settings.saving import save
from engine.settings.sources import from_file

FILE = """\
# our pool
session_pool:
  max_size: 7  # as many as fit
  turn_timeout: "30m"
profiles:
  ci: {model: opus}   # the builders
"""


def live(path: Path) -> LiveSettings:
    """The settings of a file."""
    loaded = load_settings(path, [], {}, None) if path.exists() else load_settings(None, [], {"HOME": "/none"}, None)
    return LiveSettings(loaded.settings, clock=ManualClock(), origins=loaded.origins)


def test_what_is_saved_is_in_force_after_a_restart_and_the_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    settings = live(path)
    settings.propose(
        {
            "session_pool.max_size": 20,
            "session_pool.turn_timeout": "90s",
            "session_pool.auto_scaling.target_memory": "8GiB",
            "profiles.ci.weight": 3,
        },
        "ana",
    )
    saved = settings.save(path)
    text = path.read_text()
    assert text.startswith("# our pool\nsession_pool:\n  max_size: 20 # as many as fit\n")
    assert "# the builders" in text
    assert "90s" in text
    assert "8GiB" in text
    assert live(path).current == settings.current
    assert settings.origins["session_pool.max_size"] == saved.file == str(path)
    with pytest.raises(BadInput, match="nothing to save"):
        settings.save(path)


def test_without_a_file_one_is_made_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new/config.yaml"
    settings = live(path)
    settings.propose({"cache.enabled": False, "queue.max_waiting": 5}, "ana")
    assert settings.save(path, ["queue.max_waiting"]).keys == ["queue.max_waiting"]
    assert path.read_text() == "queue:\n  max_waiting: 5\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert settings.save(path).keys[0] == "cache.enabled"


def test_a_profile_that_was_taken_away_is_taken_out_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    settings = live(path)
    settings.propose({"profiles.ci": None}, "ana")
    settings.save(path)
    assert "model: opus" not in path.read_text()


def test_no_secret_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    settings = live(path)
    settings.propose({"credential.api_key": "s3cret", "cache.enabled": False}, "ana")
    with pytest.raises(SettingsError, match="a secret is not written"):
        settings.save(path, ["credential.api_key"])
    assert settings.save(path).left_out == ["credential.api_key"]
    assert "s3cret" not in path.read_text()
    assert list(settings.unsaved()) == ["credential.api_key"]
    with pytest.raises(BadInput, match="left out"):
        settings.save(path)


def test_a_remote_save_leaves_local_changes_out_and_unsaved(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    settings = live(path)
    local = {
        "claude.binary": "/opt/claude",
        "profiles.default.workspace": str(tmp_path),
        "session_pool.load_balancing.strategy": "mine:Balancer",
    }
    settings.propose({**local, "session_pool.max_size": 20}, "ana")
    for key in local:
        with pytest.raises(LocalOnly, match="may not save"):
            settings.save(path, ["session_pool.max_size", key], remote=True)
    saved = settings.save(path, remote=True)
    assert (saved.keys, set(saved.left_out)) == (["session_pool.max_size"], local.keys())
    assert path.read_text() == "session_pool:\n  max_size: 20\n"
    assert settings.unsaved().keys() == local.keys()
    with pytest.raises(BadInput, match="left out"):
        settings.save(path, remote=True)
    assert set(settings.save(path).keys) == local.keys()


def test_a_change_saved_by_name_and_then_undone_is_saved_again(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    settings = live(path)
    size = settings.current.session_pool.max_size
    settings.propose({"session_pool.max_size": 20, "cache.enabled": False}, "ana")
    settings.save(path, ["session_pool.max_size"])
    settings.undo("ana")
    assert settings.save(path).keys == ["session_pool.max_size"]
    assert live(path).current.session_pool.max_size == size


def test_a_file_that_is_broken_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    settings = live(path)
    settings.propose({"session_pool.max_size": 20}, "ana")
    path.write_text("session_pool: {max_size: ")
    with pytest.raises(SettingsError, match="not valid YAML"):
        settings.save(path)
    assert path.read_text() == "session_pool: {max_size: "


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
@example("on")
@example("No")
@example("1:30")
@example("2026-11-27")
@example("0x1f")
@example("=")
def test_a_text_is_read_back_as_it_was_saved(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("saved") / "config.yaml"
    save(path, {"claude.model": text, "claude.extra_args": (text, "Read")})
    layer = from_file(path, required=True)
    assert layer.problems == []
    assert layer.tree["claude"] == {"model": text, "extra_args": [text, "Read"]}


@pytest.mark.parametrize("name", ["on", "no", "y", "1_000"])
def test_a_profile_may_be_named_like_a_word_of_yaml(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    save(path, {f"profiles.{name}.model": "off"})
    assert load_settings(path, [], {}, None).settings.profiles[name].model == "off"
