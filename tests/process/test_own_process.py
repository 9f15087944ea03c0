"""What Quarterdeck does to its own process: nobody reads its secrets, and its files are its owner's alone."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.requests import Request
from tests.support.engines import running
from tests.support.headless import ROOT, headless
from tests.support.processes import wait_until

SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-of-the-operator",
    "GITHUB_TOKEN": "ghp-of-the-operator",
    "DATABASE_URL": "postgres://me:pw-of-the-operator@db/app",
    "QUARTERDECK_CREDENTIAL__AUTH_TOKEN": "bearer-of-the-operator",
}
OF_AGENTS = {"workspaces", "homes", "scratch"}
"""Folders of the state folder in which agents write."""

SHIELDED = """
import ctypes, os, subprocess, sys
from engine.base import process
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
libc = ctypes.CDLL(None)
libc.prctl(4, 1, 0, 0, 0)
def child(code):
    return subprocess.run(["/bin/sh", "-c", code], capture_output=True, text=True).returncode
spy = f"cat /proc/{os.getpid()}/environ /proc/{os.getpid()}/maps > /dev/null"
print(child(spy), process.shield(), child(spy))
process.become_program()
print(process.shield(), libc.prctl(3, 0, 0, 0, 0), child(spy) != 0)
print(len(os.listdir("/proc/self/fd")) > 0, child("cat /proc/self/environ > /dev/null"))
open(f"/proc/self/task/{os.getpid()}/children").read(); open("/proc/self/smaps_rollup").read()
"""


def open_to_others(folder: Path) -> Iterator[tuple[str, str]]:
    """What of ours lies below a folder that group or others have a right to."""
    for path in [folder, *folder.rglob("*")]:
        if OF_AGENTS.isdisjoint(path.relative_to(folder).parts) and not path.is_symlink():
            mode = stat.S_IMODE(path.lstat().st_mode)
            if mode & 0o077:
                yield str(path), oct(mode)


def test_a_process_of_the_same_user_cannot_read_the_program_and_a_library_is_left_alone() -> None:
    run = [sys.executable, "-c", SHIELDED]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines() == ["0 False 0", "True 0 True", "True 0"]


def test_the_engines_environment_shows_no_secret_and_still_serves_whom_it_is_for(home: Path) -> None:
    told = home / "told"
    argv = f'alerts.command.argv=["/bin/sh", "-c", "printf %s $GITHUB_TOKEN > {told}"]'
    settings = (argv, "alerts.command.environment=[GITHUB_TOKEN]", "alerts.channels=[log, command]")
    with headless(home, settings=settings, **SECRETS) as engine:
        spy = f"tr '\\\\0' '\\\\n' < /proc/{engine.process.pid}/environ"
        answer = engine.call("POST", "/api/prompts", {"prompt": f'[[tool: Bash {{"command": "{spy}"}}]]'})["prompt"]
        assert "PATH=" in answer["text"] or "Permission denied" in answer["text"]
        raw = Path(f"/proc/{engine.process.pid}/environ").read_bytes().decode()
        for secret in SECRETS.values():
            assert secret not in answer["text"]
            assert secret not in raw
        origins = engine.call("GET", "/api/config")["origins"]
        assert origins["credential.api_key"] == "environment ANTHROPIC_API_KEY"
        engine.call("POST", "/api/alerts/test", {"channel": "command"})
        assert told.read_text() == SECRETS["GITHUB_TOKEN"]


def test_under_umask_0_its_files_are_its_owners_and_agents_have_the_operators_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        with headless(home, settings=("engine.grace=0s", "events.segment_bytes=8KiB")) as engine:
            prompt = '[[tool: Bash {"command": "umask; touch made"}]]'
            answer = engine.call("POST", "/api/prompts", {"prompt": prompt})["prompt"]
            assert "0000" in answer["text"]
            (made,) = (home / "state").rglob("made")
            assert stat.S_IMODE(made.stat().st_mode) == 0o666
            engine.send("[[hang]]")
            wait_until(lambda: "running" in [row["state"] for row in engine.call("GET", "/api/sessions")["sessions"]])
            assert [*open_to_others(home / "run")] == []
            assert [*open_to_others(home / "state")] == []
            engine.signal(signal.SIGTERM)
            assert engine.exit_code() == 0
        assert [*(home / "state").rglob("checkpoints/*.json")]
        assert [*open_to_others(home / "state")] == []
    finally:
        os.umask(before)


@pytest.fixture
def wide_open() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


async def test_as_a_library_under_umask_0_its_files_are_its_owners_too(tmp_path: Path, wide_open: None) -> None:
    async with running(tmp_path / "deep" / "er") as engine:
        await engine.submit(Request(id="a", prompt="hello"))
        state = engine.settings.engine.state_dir
        assert {*state.glob("*.db-wal")}
        assert [*open_to_others(state)] == []
        assert not stat.S_IMODE((tmp_path / "deep").stat().st_mode) & 0o077


async def test_files_of_an_older_version_are_corrected(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        state = engine.settings.engine.state_dir
    for database in state.glob("*.db"):
        database.chmod(0o644)
    async with running(tmp_path):
        assert [*open_to_others(state)] == []
