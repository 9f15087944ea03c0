"""A process is its pid and its start time: a later owner of the pid is never signalled."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from engine.launchers.containment import Containment
from engine.launchers.kernel import become_subreaper
from engine.launchers.processes import ProcessId, alive, identify, send_signal
from tests.launchers.yard import Yard
from tests.support.processes import runs, state_of, until


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of the engine's business."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def predecessor_of(pid: int) -> ProcessId:
    """The process that had the pid before."""
    found = identify(pid)
    assert found is not None
    return replace(found, started=found.started - 1)


def test_a_recycled_pid_is_neither_alive_nor_signalled(stranger: subprocess.Popen[bytes]) -> None:
    gone = predecessor_of(stranger.pid)
    assert not alive(gone)
    assert not send_signal(gone, signal.SIGKILL)
    assert runs(stranger.pid)
    now = identify(stranger.pid)
    assert now is not None
    assert send_signal(now, signal.SIGKILL)
    assert stranger.wait() == -9


async def test_ending_a_tree_spares_who_has_a_pid_of_it_now(stranger: subprocess.Popen[bytes]) -> None:
    containment = Containment("nobody")
    assert await containment.end([predecessor_of(stranger.pid)], 0.1) == []
    assert await containment.kill([predecessor_of(stranger.pid)]) == []
    assert runs(stranger.pid)


async def test_the_children_of_a_recycled_root_are_no_members(stranger: subprocess.Popen[bytes]) -> None:
    assert await Containment("nobody").members("s1", predecessor_of(os.getpid())) == []


async def test_adopted_zombies_are_reaped_and_own_children_are_left_to_their_waiter(yard: Yard) -> None:
    assert become_subreaper()
    child = await yard.start("(sleep 0.01 & echo $! >pid); echo ready; exit 5")
    orphan = int((yard.folder / "pid").read_text())
    await until(lambda: state_of(orphan) == "Z")
    others = {process.pid for process in psutil.Process().children()} - {orphan}  # of other tests, and the agent
    rounds = [yard.containment.reap_adopted(others) for _ in range(3)]
    assert rounds == [[], [], [orphan]]
    assert state_of(orphan) == ""
    assert await child.exited == 5
