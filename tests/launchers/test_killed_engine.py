"""An engine that is killed leaves nothing, or the next start reaps what it left, and only that."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.launchers.kernel import setpriv_program, waits_for_writer, with_parent_death_signal
from tests.support.headless import ROOT, Headless, headless
from tests.support.processes import command_of, runs, wait_until

AWAY = "(setsid sh -c 'sleep 600 & sleep 600 & exit' >/dev/null 2>&1 </dev/null &); sleep 600"
TOOL = f'[[tool: Bash {{"command": "{AWAY}"}}]]'
"""Starts two daemons and waits."""


def with_tool(engine: Headless) -> list[int]:
    """Let a session use the tool; all pids of its tree."""
    engine.send(TOOL)
    wait_until(lambda: sum(command_of(pid).startswith("sleep 600") for pid in engine.tree()) == 3)
    return engine.tree()


def kill(engine: Headless) -> None:
    """SIGKILL the engine's own process."""
    engine.signal(signal.SIGKILL)
    assert engine.exit_code() == -9


@pytest.mark.parametrize("agent", ["simulator", pytest.param("claude", marks=pytest.mark.real_cli)])
def test_the_next_start_finds_all_that_a_killed_engine_left(
    home: Path, agent: str, request: pytest.FixtureRequest
) -> None:
    real = ("--backend=claude", "--offline") if agent == "claude" and request.getfixturevalue("claude") else ()
    with headless(home, *real) as first:
        tree = with_tool(first)
        agents = [pid for pid in tree if "--input-format=stream-json" in command_of(pid)]
        assert agents
        kill(first)
        wait_until(lambda: not any(runs(pid) for pid in agents))  # by the parent-death signal alone
        with headless(home, *real) as second:
            assert first.tree() == []
            assert not any(runs(pid) for pid in tree)
            (reaped,) = second.logged("orphans_reaped")
            assert set(reaped["pids"]) <= set(tree)
            assert first.id in reaped["origin"]
            assert [path.stem for path in (home / "state/quarterdeck/engines").iterdir()] == [second.id]


def with_spare(engine: Headless) -> int:
    """Let a conversation sleep; the pid of the process that is parked for it, and blocks in the opening of its gate."""
    asked = {"prompt": "hello", "wait": True}
    session = engine.call("POST", "/api/prompts", asked)["prompt"]["session"]
    engine.call("POST", f"/api/sessions/{session}/hibernate")

    def parked() -> list[int]:
        return [pid for pid in engine.tree() if ".gate/" in command_of(pid) and waits_for_writer(pid)]

    wait_until(lambda: engine.call("GET", "/api/pool")["pool"]["spares"] == 1)
    (pid,) = parked()
    return pid


@pytest.mark.parametrize("agent", ["simulator", pytest.param("claude", marks=pytest.mark.real_cli)])
def test_a_parked_process_ends_with_an_engine_that_is_killed(
    home: Path, agent: str, request: pytest.FixtureRequest
) -> None:
    real = ("--backend=claude", "--offline") if agent == "claude" and request.getfixturevalue("claude") else ()
    with headless(home, *real, settings=["session_pool.min_size=0"]) as first:
        pid = with_spare(first)
        kill(first)
        wait_until(lambda: not runs(pid))  # by the parent-death signal alone
        with headless(home, *real) as second:
            assert first.tree() == []
            folder = home / "state/quarterdeck/engines"
            assert [path.stem for path in folder.glob("*.json")] == [second.id]
            assert not [path for path in folder.rglob("*.JSONL") if path.parts[-3] != second.id]


@pytest.mark.parametrize("agent", ["simulator", pytest.param("claude", marks=pytest.mark.real_cli)])
def test_a_parked_process_ends_with_an_engine_that_drains(
    home: Path, agent: str, request: pytest.FixtureRequest
) -> None:
    real = ("--backend=claude", "--offline") if agent == "claude" and request.getfixturevalue("claude") else ()
    with headless(home, *real, settings=["session_pool.min_size=0"]) as engine:
        pid = with_spare(engine)
        engine.signal(signal.SIGTERM)
        assert engine.exit_code() == 0
        assert not runs(pid)
        assert engine.tree() == []


def test_of_two_engines_side_by_side_only_the_dead_ones_processes_are_reaped(home: Path) -> None:
    here, there = ([f"api.socket={home / name}.sock"] for name in ("here", "there"))
    with headless(home, settings=here) as dead, headless(home, settings=there) as living:
        lost, kept = with_tool(dead), with_tool(living)
        kill(dead)
        with headless(home, settings=here) as heir:
            assert not any(runs(pid) for pid in lost)
            assert living.tree() == kept
            assert all(runs(pid) for pid in kept)
            left = {path.stem for path in (home / "state/quarterdeck/engines").iterdir()}
            assert left == {living.id, heir.id}


DIES = """
import os, shutil, signal, subprocess, sys, time
from engine.launchers.kernel import with_parent_death_signal
if sys.argv[1:] == ["without the tools"]:
    shutil.which = lambda _name: None
child = subprocess.Popen(with_parent_death_signal(("/bin/sleep", "600")))
while b"sleep" not in open(f"/proc/{child.pid}/cmdline", "rb").read().split(b"\\0")[0]:
    time.sleep(0.01)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("tools", ["with the tools", "without the tools"])
def test_a_child_of_a_killed_parent_ends(tools: str) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", DIES, tools], capture_output=True, text=True, env=environment)
    assert done.returncode == -9, done.stderr
    pid = int(done.stdout)
    wait_until(lambda: not runs(pid))


def test_a_setpriv_that_knows_no_death_signal_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busybox = tmp_path / "setpriv"
    busybox.write_text("#!/bin/sh\necho \"setpriv: unrecognized option '--pdeathsig'\" >&2\nexit 1\n")
    busybox.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert setpriv_program() is None
    argv = with_parent_death_signal(("/bin/echo", "hello"))
    assert argv[0] == sys.executable
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "hello\n"


def test_a_probe_of_setpriv_without_an_answer_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setpriv = tmp_path / "setpriv"
    setpriv.write_text("#!/bin/sh\nkill -KILL $$\n")
    setpriv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert setpriv_program() is None
    setpriv.write_text("#!/bin/sh\nexit 0\n")
    assert setpriv_program() == str(setpriv)


def test_an_interpreter_whose_parent_is_not_the_engine_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    argv = with_parent_death_signal(("/bin/echo", "started"))
    ours = subprocess.run(argv, capture_output=True, text=True)
    assert (ours.returncode, ours.stdout) == (0, "started\n")
    adopted = subprocess.run(["/bin/sh", "-c", '"$@"; exit $?', "sh", *argv], capture_output=True, text=True)
    assert (adopted.returncode, adopted.stdout) == (143, "")
