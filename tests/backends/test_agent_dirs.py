"""What agents of one profile share, and what each has for itself."""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path

import pytest

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import AgentSpec, Profile
from engine.base.errors import StartFailed
from engine.launchers.engine_registry import EngineRegistry
from engine.launchers.scratch import LONGEST, SOCKET

PROFILE = Profile(name="p", own_home=True)
CONVERSATION, OTHER = (f"{n}" * 8 + "-0000-0000-0000-" + "0" * 12 for n in (1, 2))


@pytest.fixture
def agent_dirs(tmp_path: Path) -> AgentDirectories:
    """Folders of one engine."""
    return AgentDirectories(tmp_path / "state", tmp_path / "work", tmp_path / "home", None, tmp_path / "agents")


def test_each_agent_has_its_own_configuration_and_all_have_the_profiles_conversations(
    agent_dirs: AgentDirectories,
) -> None:
    one, other = agent_dirs.config_of(PROFILE, "s1"), agent_dirs.config_of(PROFILE, "s2")
    assert len({one, other, agent_dirs.config(PROFILE)}) == 3
    assert {folder.stat().st_mode & 0o777 for folder in (one, one.parent, agent_dirs.config(PROFILE))} == {0o700}
    conversation = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    (one / "projects" / "ws").mkdir()
    (one / "projects" / "ws" / f"{conversation}.jsonl").write_text("{}")
    assert (other / "projects" / "ws" / f"{conversation}.jsonl").exists()
    assert agent_dirs.transcript(PROFILE, conversation) is not None


def test_what_the_operator_put_into_the_profile_is_linked_and_the_clis_own_notes_are_not(
    agent_dirs: AgentDirectories,
) -> None:
    config = agent_dirs.config(PROFILE)
    (config / "settings.json").write_text("{}")
    (config / "skills").mkdir()
    (config / "sessions").mkdir()
    (config / ".claude.json").write_text('{"userID": "u"}')
    own = agent_dirs.config_of(PROFILE, "s1")
    assert (own / "settings.json").resolve() == (config / "settings.json").resolve()
    assert (own / "skills").is_symlink()
    assert not (own / "sessions").exists()
    assert (own / ".claude.json").read_text() == '{"userID": "u"}'
    assert not (own / ".claude.json").is_symlink()


def test_an_agent_that_ended_leaves_its_notes_to_the_next_one_once_and_nothing_else(
    agent_dirs: AgentDirectories,
) -> None:
    first = agent_dirs.config_of(PROFILE, "s1")
    (first / ".claude.json").write_text("first")
    agent_dirs.release(PROFILE, "s1")
    assert not first.exists()
    assert agent_dirs.config(PROFILE).joinpath("projects").is_dir()
    second = agent_dirs.config_of(PROFILE, "s2")
    assert (second / ".claude.json").read_text() == "first"
    (second / ".claude.json").write_text("second")
    agent_dirs.release(PROFILE, "s2")
    assert (agent_dirs.config_of(PROFILE, "s3") / ".claude.json").read_text() == "first"


def test_a_folder_that_a_session_of_that_name_left_is_not_taken_over(agent_dirs: AgentDirectories) -> None:
    (agent_dirs.config_of(PROFILE, "s1") / "stale").write_text("")
    assert not (agent_dirs.config_of(PROFILE, "s1") / "stale").exists()


def test_a_login_in_a_file_and_the_operators_own_directory_are_shared(
    agent_dirs: AgentDirectories, tmp_path: Path
) -> None:
    (agent_dirs.config(PROFILE) / ".credentials.json").write_text("{}")
    assert agent_dirs.config_of(PROFILE, "s1") == agent_dirs.config(PROFILE)
    operators = Profile(name="o", own_home=False)
    assert agent_dirs.config_of(operators, "s1") == tmp_path / "home" / ".claude"
    agent_dirs.release(operators, "s1")
    agent_dirs.release(PROFILE, "s1")
    assert (agent_dirs.config(PROFILE) / ".credentials.json").exists()


def test_when_an_engine_is_forgotten_what_its_agents_left_goes_too(tmp_path: Path) -> None:
    ledger = EngineRegistry(tmp_path / "engines")
    agent_dirs = AgentDirectories(tmp_path / "state", tmp_path, tmp_path, None, ledger.folder("dead"))
    own = agent_dirs.config_of(PROFILE, "s1")
    kept = agent_dirs.config(PROFILE) / "projects" / "kept"
    kept.mkdir()
    ledger.leave("dead")
    assert not own.exists()
    assert kept.exists()


def test_each_conversation_has_a_directory_and_a_profile_with_a_workspace_has_one_for_all(
    agent_dirs: AgentDirectories, tmp_path: Path
) -> None:
    one, other = agent_dirs.directory(PROFILE, CONVERSATION), agent_dirs.directory(PROFILE, OTHER)
    assert one == tmp_path / "work" / "default" / "p" / CONVERSATION
    assert one != other
    assert {folder.stat().st_mode & 0o777 for folder in (one, other)} == {0o700}
    shared = Profile(name="p", workspace=tmp_path, own_home=True)
    assert agent_dirs.directory(shared, CONVERSATION) == agent_dirs.directory(shared, OTHER) == tmp_path


def test_a_named_directory_that_is_gone_is_an_error_and_an_own_one_is_made_again(
    agent_dirs: AgentDirectories, tmp_path: Path
) -> None:
    gone = tmp_path / "repository"
    with pytest.raises(StartFailed, match="does not exist any more"):
        agent_dirs.place(AgentSpec("s1", PROFILE, CONVERSATION, directory=gone, named_directory=True))
    own = tmp_path / "work" / "default" / "p" / OTHER
    assert agent_dirs.place(AgentSpec("s1", PROFILE, CONVERSATION, directory=own)) == own
    assert own.is_dir()


def test_scratch_is_a_sessions_own_and_goes_with_it(agent_dirs: AgentDirectories) -> None:
    one, other = agent_dirs.scratch("s1"), agent_dirs.scratch("s2")
    assert one != other
    assert one.stat().st_mode & 0o777 == 0o700
    (one / "file").write_text("")
    agent_dirs.release(PROFILE, "s1")
    assert not one.exists()
    assert other.exists()


def test_between_conversations_the_scratch_is_emptied_but_for_the_socket_and_the_present_one(
    agent_dirs: AgentDirectories,
) -> None:
    scratch = agent_dirs.scratch("s1")
    for name in (
        "cc-socks/1.sock",
        f"claude-0/-w/{CONVERSATION}/tasks/a.output",
        f"claude-0/-w/{OTHER}/x",
        "tmp.1/y",
        "z",
    ):
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_text("")
    (scratch / "link").symlink_to(scratch.parent)
    agent_dirs.sweep("s1", OTHER)
    left = {str(path.relative_to(scratch)) for path in scratch.rglob("*") if path.is_file()}
    assert left == {"cc-socks/1.sock", f"claude-0/-w/{OTHER}/x"}
    assert scratch.parent.exists()
    assert agent_dirs.outputs("s1", CONVERSATION) == []


def test_a_scratch_folder_is_short_enough_for_a_socket_however_long_the_state_directory_is(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    ledger = EngineRegistry(deep / "engines")
    agent_dirs = AgentDirectories(deep, deep, deep, None, ledger.folder("0123456789ab"))
    scratch = agent_dirs.scratch("s0001")
    assert len(bytes(scratch / SOCKET)) <= LONGEST
    assert (scratch.stat().st_mode & 0o777, scratch.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    ledger.leave("0123456789ab")
    assert not scratch.parent.exists()


def test_a_sweep_survives_what_others_remove_meanwhile(tmp_path: Path) -> None:
    dirs = AgentDirectories(tmp_path, tmp_path / "out", tmp_path, None, tmp_path / "agents")
    scratch = dirs.scratch("s1")
    stop = threading.Event()

    def churn() -> None:
        """What a CLI does in its scratch folder: probes that come and go."""
        while not stop.is_set():
            for number in range(20):
                probe = scratch / "claude-0" / f"probe-{number}" / "c1"
                with contextlib.suppress(OSError):  # the sweep takes them away at the same time
                    probe.mkdir(parents=True, exist_ok=True)
                    (probe / "file").touch()
            shutil.rmtree(scratch / "claude-0", ignore_errors=True)

    other = threading.Thread(target=churn)
    other.start()
    try:
        for _ in range(300):
            dirs.sweep("s1", "none")
            dirs.outputs("s1", "0f8fad5b-d9cb-469f-a165-70867728950e")
    finally:
        stop.set()
        other.join()
    assert scratch.is_dir()
