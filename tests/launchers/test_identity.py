"""A process is its pid and its start time: a later owner of the pid is never signalled."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from engine.base.processes import ProcessId, alive, identify, send_signal
from engine.launchers.containment import Containment
from engine.launchers.kernel import become_subreaper
from engine.launchers.local import LocalChild
from tests.launchers.launching import LauncherFixture
from tests.support.processes import parent_of, runs, state_of, until, wait_until


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


LEAVES_A_ZOMBIE = "(sh -c 'read line <gate' & echo $! >pid); echo ready; read line; exit 5"
"""An agent whose tool left a process that ends once the gate is opened."""


async def with_zombie(launchers: LauncherFixture) -> tuple[LocalChild, int]:
    """An agent whose tree was read while what its tool had left still ran, and the zombie that this is now."""
    os.mkfifo(launchers.folder / "gate")
    child = await launchers.start(LEAVES_A_ZOMBIE)
    orphan = int((launchers.folder / "pid").read_text())
    await until(lambda: parent_of(orphan) == os.getpid())
    await launchers.containment.read_trees({"s1": child.pid})
    await until(lambda: (launchers.folder / "gate").write_text("open\n") > 0)
    await until(lambda: state_of(orphan) == "Z")
    return child, orphan


async def test_adopted_zombies_are_reaped_and_own_children_are_left_to_their_waiter(tmp_path: Path) -> None:
    assert become_subreaper()
    launchers = LauncherFixture(tmp_path, adopts=True)
    child = await launchers.start("(sleep 0.01 & echo $! >pid); echo ready; exit 5")
    orphan = int((launchers.folder / "pid").read_text())
    await until(lambda: state_of(orphan) == "Z")
    others = {process.pid for process in psutil.Process().children()} - {orphan}  # of other tests, and the agent
    rounds = [launchers.containment.reap_adopted(others) for _ in range(3)]
    assert rounds == [[], [], [orphan]]
    assert state_of(orphan) == ""
    assert await child.exited == 5
    await launchers.aclose()


@pytest.mark.parametrize("session", [False, True], ids=["in our kernel session", "in a kernel session of its own"])
def test_a_guest_leaves_the_exit_codes_of_its_hosts_children_to_the_host(*, session: bool) -> None:
    guest = Containment("nobody")
    with subprocess.Popen(["sh", "-c", "exit 7"], start_new_session=session) as child:
        wait_until(lambda: state_of(child.pid) == "Z")
        assert not any(guest.reap_adopted(set()) for _ in range(10))
        assert child.wait() == 7


def test_an_owner_of_the_process_leaves_the_exit_codes_of_its_helpers_to_their_waiter() -> None:
    owner = Containment("nobody", adopts=True)
    with subprocess.Popen(["sh", "-c", "exit 7"]) as child:
        wait_until(lambda: state_of(child.pid) == "Z")
        assert not any(child.pid in owner.reap_adopted(set()) for _ in range(10))
        assert child.wait() == 7


async def test_a_guest_reaps_what_it_saw_in_a_sessions_tree(launchers: LauncherFixture) -> None:
    assert become_subreaper()  # as a host may be one, or process 1 of a container
    child, orphan = await with_zombie(launchers)
    rounds = [launchers.containment.reap_adopted({child.pid}) for _ in range(3)]
    assert rounds == [[], [], [orphan]]
