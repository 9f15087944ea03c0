"""What agents of one profile share, and what each has for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backends.base import Profile
from engine.backends.homes import Homes
from engine.launchers.ledger import Ledger

PROFILE = Profile(name="p", own_home=True)


@pytest.fixture
def homes(tmp_path: Path) -> Homes:
    """Folders of one engine."""
    return Homes(tmp_path / "state", tmp_path / "work", tmp_path / "home", None, tmp_path / "agents")


def test_each_agent_has_its_own_configuration_and_all_have_the_profiles_conversations(homes: Homes) -> None:
    one, other = homes.config_of(PROFILE, "s1"), homes.config_of(PROFILE, "s2")
    assert len({one, other, homes.config(PROFILE)}) == 3
    assert {folder.stat().st_mode & 0o777 for folder in (one, one.parent, homes.config(PROFILE))} == {0o700}
    conversation = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    (one / "projects" / "ws").mkdir()
    (one / "projects" / "ws" / f"{conversation}.jsonl").write_text("{}")
    assert (other / "projects" / "ws" / f"{conversation}.jsonl").exists()
    assert homes.transcript(PROFILE, conversation) is not None


def test_what_the_operator_put_into_the_profile_is_linked_and_the_clis_own_notes_are_not(homes: Homes) -> None:
    config = homes.config(PROFILE)
    (config / "settings.json").write_text("{}")
    (config / "skills").mkdir()
    (config / "sessions").mkdir()
    (config / ".claude.json").write_text('{"userID": "u"}')
    own = homes.config_of(PROFILE, "s1")
    assert (own / "settings.json").resolve() == (config / "settings.json").resolve()
    assert (own / "skills").is_symlink()
    assert not (own / "sessions").exists()
    assert (own / ".claude.json").read_text() == '{"userID": "u"}'
    assert not (own / ".claude.json").is_symlink()


def test_an_agent_that_ended_leaves_its_notes_to_the_next_one_once_and_nothing_else(homes: Homes) -> None:
    first = homes.config_of(PROFILE, "s1")
    (first / ".claude.json").write_text("first")
    homes.release(PROFILE, "s1")
    assert not first.exists()
    assert homes.config(PROFILE).joinpath("projects").is_dir()
    second = homes.config_of(PROFILE, "s2")
    assert (second / ".claude.json").read_text() == "first"
    (second / ".claude.json").write_text("second")
    homes.release(PROFILE, "s2")
    assert (homes.config_of(PROFILE, "s3") / ".claude.json").read_text() == "first"


def test_a_folder_that_a_session_of_that_name_left_is_not_taken_over(homes: Homes) -> None:
    (homes.config_of(PROFILE, "s1") / "stale").write_text("")
    assert not (homes.config_of(PROFILE, "s1") / "stale").exists()


def test_a_login_in_a_file_and_the_operators_own_directory_are_shared(homes: Homes, tmp_path: Path) -> None:
    (homes.config(PROFILE) / ".credentials.json").write_text("{}")
    assert homes.config_of(PROFILE, "s1") == homes.config(PROFILE)
    operators = Profile(name="o", own_home=False)
    assert homes.config_of(operators, "s1") == tmp_path / "home" / ".claude"
    homes.release(operators, "s1")
    homes.release(PROFILE, "s1")
    assert (homes.config(PROFILE) / ".credentials.json").exists()


def test_when_an_engine_is_forgotten_what_its_agents_left_goes_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "engines")
    homes = Homes(tmp_path / "state", tmp_path, tmp_path, None, ledger.folder("dead"))
    own = homes.config_of(PROFILE, "s1")
    kept = homes.config(PROFILE) / "projects" / "kept"
    kept.mkdir()
    ledger.leave("dead")
    assert not own.exists()
    assert kept.exists()
