"""The directory belongs to the conversation: nobody finds another's files, and everybody finds their own again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import BadInput, Forbidden, QuarterdeckError
from engine.engine import Engine
from engine.requests import Answer
from tests.pool.pools import MANY, Conversation, request
from tests.support.engines import running
from tests.support.processes import until

ONE = "session_pool.max_size=1"
BYPASS = "claude.permission_mode=bypassPermissions"


def bash(command: str) -> str:
    return f'[[tool: Bash {{"command": "{command}"}}]]'


async def test_a_cleared_session_works_in_the_directory_of_its_new_conversation(tmp_path: Path) -> None:
    async with running(tmp_path, ONE, BYPASS) as engine:
        talk = Conversation(engine)
        first = await talk.ask(bash("echo mine > file; pwd"), user="ana")
        second = await talk.ask(bash("ls; pwd"), user="ben")
        assert second.session == first.session
        assert first.cwd == str(engine.settings.workspaces / "default" / "default" / first.conversation)
        assert second.cwd == str(engine.settings.workspaces / "default" / "default" / second.conversation)
        assert first.cwd in first.text
        assert second.cwd in second.text
        assert "file" not in second.text
        assert (Path(first.cwd) / "file").read_text() == "mine\n"
        assert engine.bus.state.sessions[second.session].cwd == second.cwd


async def test_a_wake_returns_to_its_own_directory_also_in_another_engine(tmp_path: Path) -> None:
    async with running(tmp_path, ONE, BYPASS) as engine:
        talk = Conversation(engine)
        first = await talk.ask(bash("echo mine > file"))
        await talk.ask("another conversation")
        assert "mine" in (await talk.ask(bash("cat file"), first.conversation)).text
    async with running(tmp_path, ONE, BYPASS) as engine:
        again = await Conversation(engine).ask(bash("cat file"), first.conversation)
        assert ("mine" in again.text, again.cwd) == (True, first.cwd)


async def test_a_profile_with_a_workspace_shares_that_one(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    async with running(tmp_path, ONE, BYPASS, f"profiles={{p: {{workspace: '{shared}'}}}}") as engine:
        talk = Conversation(engine)
        first = await talk.ask(bash("echo ours > file"), profile="p")
        second = await talk.ask(bash("cat file"), profile="p")
        assert (first.cwd, second.cwd, "ours" in second.text) == (str(shared), str(shared), True)


async def test_a_workspace_that_its_profile_names_no_more_is_not_worked_in(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    async with running(tmp_path, BYPASS, f"profiles={{default: {{workspace: '{shared}'}}}}") as engine:
        first = await Conversation(engine).ask("hello")
        engine.live.propose({"profiles.default.workspace": None}, "test")
        again = await Conversation(engine).ask("[[history]]", first.conversation)
        assert again.text.startswith("History: 2 user messages")
        assert again.cwd == str(engine.settings.workspaces / "default" / "default" / first.conversation)


async def test_a_conversation_keeps_its_directory_when_new_ones_go_elsewhere(tmp_path: Path) -> None:
    async with running(tmp_path, BYPASS) as engine:
        first = await Conversation(engine).ask(bash("echo mine > file"))
    async with running(tmp_path, BYPASS, f"engine.output_directory={tmp_path / 'other'}") as engine:
        again = await Conversation(engine).ask(bash("cat file"), first.conversation)
        assert ("mine" in again.text, again.cwd) == (True, first.cwd)
        assert (await Conversation(engine).ask("x")).cwd.startswith(str(tmp_path / "other"))


async def test_a_directory_that_no_turn_ran_in_is_taken_away(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        lease = await engine.pool.lease(request(engine))
        directory = lease.session.cwd
        assert directory.is_dir()
        engine.pool.release(lease)
        await engine.pool.stop_session(lease.session.id, "test")
        assert not directory.exists()


async def test_a_directory_with_settings_of_the_agent_binds_the_process_to_its_conversation(tmp_path: Path) -> None:
    async with running(tmp_path, ONE, BYPASS) as engine:
        talk = Conversation(engine)
        first = await talk.ask(bash("mkdir .claude"))
        assert (await talk.ask("more", first.conversation)).session == first.session
        assert (await talk.ask("another")).session != first.session


async def test_a_tool_that_may_leave_something_binds_the_process_to_its_conversation(tmp_path: Path) -> None:
    async with running(tmp_path, ONE, BYPASS) as engine:
        talk = Conversation(engine)
        first = await talk.ask('[[tool: CronCreate {"prompt": "x"}]]')
        assert (await talk.ask("another")).session != first.session


class Allowed:
    """Directories of a test, one of which a profile allows, and requests that name them."""

    def __init__(self, tmp_path: Path) -> None:
        self.inside = tmp_path / "repositories"
        self.outside = tmp_path / "elsewhere"
        for folder in (self.inside / "one", self.outside):
            folder.mkdir(parents=True)
        (self.inside / "link").symlink_to(self.outside)
        (self.inside / "file").write_text("")
        self.setting = f"profiles={{default: {{directories: ['{self.inside}']}}}}"

    async def ask(self, engine: Engine, cwd: Path | str, prompt: str = "hello", **fields: Any) -> Answer:
        return await Conversation(engine).ask(prompt, cwd=str(cwd), **fields)


@pytest.fixture
def allowed(tmp_path: Path) -> Allowed:
    """The directories."""
    return Allowed(tmp_path)


async def test_a_request_works_in_a_directory_that_its_profile_allows(allowed: Allowed, tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, BYPASS, allowed.setting) as engine:
        talk = Conversation(engine)
        await talk.ask("there is a warm session")
        first = await talk.ask(bash("echo made > proof"), cwd=str(allowed.inside / "one"))
        assert first.cwd == str(allowed.inside / "one")
        assert (allowed.inside / "one" / "proof").exists()
        again = await talk.ask(bash("cat proof"), first.conversation)
        assert (again.session, again.cwd, "made" in again.text) == (first.session, first.cwd, True)
        other = await talk.ask(bash("ls"))
        assert (other.session != first.session, "proof" in other.text) == (True, False)
    async with running(tmp_path, BYPASS, allowed.setting) as engine:
        woken = await Conversation(engine).ask(bash("cat proof"), first.conversation)
        assert (woken.cwd, "made" in woken.text) == (first.cwd, True)


@pytest.mark.parametrize("name", ["link", "one/../../elsewhere", "../elsewhere", "link/.", ".."])
async def test_no_way_leads_out_of_what_is_allowed(name: str, allowed: Allowed, tmp_path: Path) -> None:
    async with running(tmp_path, allowed.setting) as engine:
        with pytest.raises(Forbidden, match="does not allow") as refusal:
            await allowed.ask(engine, f"{allowed.inside}/{name}")
        assert refusal.value.field == "cwd"
        assert str(allowed.inside) in refusal.value.remedy
        assert not engine.pool.sessions


@pytest.mark.parametrize("name", ["relative/path", ".", "{inside}/none", "{inside}/file", "{inside}/a\0b", "~"])
async def test_what_is_no_directory_is_refused_before_anything_starts(
    name: str, allowed: Allowed, tmp_path: Path
) -> None:
    async with running(tmp_path, allowed.setting) as engine:
        with pytest.raises(BadInput) as refusal:
            await allowed.ask(engine, name.replace("{inside}", str(allowed.inside)))
        assert (refusal.value.field, bool(refusal.value.remedy)) == ("cwd", True)


async def test_without_a_list_no_directory_may_be_named(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        with pytest.raises(Forbidden, match="does not allow"):
            await Conversation(engine).ask("x", cwd=str(tmp_path))


async def test_a_link_that_changes_later_leads_nowhere_else(allowed: Allowed, tmp_path: Path) -> None:
    (allowed.inside / "now").symlink_to(allowed.inside / "one")
    async with running(tmp_path, BYPASS, allowed.setting) as engine:
        first = await allowed.ask(engine, allowed.inside / "now")
        os.unlink(allowed.inside / "now")
        (allowed.inside / "now").symlink_to(allowed.outside)
        assert first.cwd == str(allowed.inside / "one")
        await engine.pool.stop_session(first.session, "test")
        assert (await Conversation(engine).ask("x", first.conversation)).cwd == str(allowed.inside / "one")


async def test_a_conversation_does_not_change_its_directory(allowed: Allowed, tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, allowed.setting) as engine:
        first = await Conversation(engine).ask("hello")
        with pytest.raises(BadInput, match="not in") as refusal:
            await allowed.ask(engine, allowed.inside / "one", conversation=first.conversation)
        assert refusal.value.field == "cwd"


async def test_a_directory_that_is_allowed_no_more_is_not_worked_in(allowed: Allowed, tmp_path: Path) -> None:
    async with running(tmp_path, allowed.setting) as engine:
        first = await allowed.ask(engine, allowed.inside / "one")
        await engine.pool.stop_session(first.session, "test")
        engine.live.propose({"profiles.default.directories": []}, "test")
        with pytest.raises(Forbidden, match="does not allow any more"):
            await Conversation(engine).ask("x", first.conversation)


async def test_a_named_directory_that_is_gone_is_told(allowed: Allowed, tmp_path: Path) -> None:
    async with running(tmp_path, allowed.setting, "retry.max_attempts=1") as engine:
        first = await allowed.ask(engine, allowed.inside / "one")
        await engine.pool.stop_session(first.session, "test")
        (allowed.inside / "one").rmdir()
        with pytest.raises(QuarterdeckError, match="does not exist any more"):
            await Conversation(engine).ask("x", first.conversation)


@pytest.mark.parametrize(
    ("before", "after", "mode"),
    [
        ("default", "bypassPermissions", "default"),
        ("plan", "acceptEdits", "plan"),
        ("acceptEdits", "default", "default"),
        ("bypassPermissions", "default", "default"),
        ("dontAsk", "default", "dontAsk"),
    ],
)
async def test_a_woken_conversation_is_never_allowed_more_than_it_was(
    before: str, after: str, mode: str, tmp_path: Path
) -> None:
    async with running(tmp_path, *MANY, f"claude.permission_mode={before}") as engine:
        talk = Conversation(engine)
        first = await talk.ask("hello")
        engine.live.propose({"claude.permission_mode": after}, "test")
        await until(lambda: first.session not in engine.pool.sessions)
        again = await talk.ask("[[history]]", first.conversation)
        assert again.text.startswith("History: 2 user messages")
        line = Path(f"/proc/{engine.pool.session(again.session).pid}/cmdline").read_bytes().split(b"\0")
        assert f"--permission-mode={mode}".encode() in line
        fresh = await talk.ask("fresh")
        line = Path(f"/proc/{engine.pool.session(fresh.session).pid}/cmdline").read_bytes().split(b"\0")
        assert f"--permission-mode={after}".encode() in line


async def test_a_scratch_folder_goes_with_its_session(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        lease = await engine.pool.lease(request(engine))
        environ = Path(f"/proc/{lease.session.pid}/environ").read_bytes().split(b"\0")
        (scratch,) = {Path(os.fsdecode(line.partition(b"=")[2])) for line in environ if b"TMPDIR=" in line}
        assert scratch.stat().st_mode & 0o777 == 0o700
        engine.pool.release(lease)
        await engine.pool.stop_session(lease.session.id, "test")
        assert not scratch.exists()
