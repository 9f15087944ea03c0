"""What a tool lets go of without a tag belongs to the session that it came from, and ends with it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.base.processes import ProcessId, identify, process_time
from engine.launchers.kernel import become_subreaper
from engine.launchers.local import LocalChild
from engine.launchers.strays import ProcessTraces, SessionRoot, possible_owners
from tests.launchers.launching import DEAF, STAYS, LauncherFixture
from tests.support.processes import environ_of, parent_of, runs, until

SESSIONS = {
    "early": SessionRoot(ProcessId(10, 100), "/srv/work"),
    "inner": SessionRoot(ProcessId(11, 100), "/srv/work/inner"),
    "late": SessionRoot(ProcessId(12, 500), "/srv/work"),
    "other": SessionRoot(ProcessId(13, 100), "/srv/workspace"),
}


@pytest.mark.parametrize(
    ("traces", "owners"),
    [
        (ProcessTraces(ProcessId(99, 600), frozenset({10}), "inner", "/srv/work"), {"inner"}),
        (ProcessTraces(ProcessId(99, 600), frozenset({12, 99}), "", "/srv/workspace"), {"late"}),
        (ProcessTraces(ProcessId(99, 600), frozenset({99}), "", "/srv/work/src"), {"early", "late"}),
        (ProcessTraces(ProcessId(99, 499), frozenset({99}), "", "/srv/work/src"), {"early"}),
        (ProcessTraces(ProcessId(99, 600), frozenset({99}), "", "/srv/work/inner"), {"inner"}),
        (
            ProcessTraces(ProcessId(99, 600), frozenset({99}), "", "/srv/workspaces"),
            {"early", "inner", "late", "other"},
        ),
        (ProcessTraces(ProcessId(99, 200), frozenset({99}), "", ""), {"early", "inner", "other"}),
        (ProcessTraces(ProcessId(99, 50), frozenset({99}), "", "/srv/work"), set()),
    ],
)
def test_the_strongest_trace_names_the_owner(traces: ProcessTraces, owners: set[str]) -> None:
    assert possible_owners(traces, SESSIONS) == owners


ESCAPES = {
    "a kernel session of its own": "env -i setsid sleep 600 & echo $! >pid",
    "a process group of its own": "env -i bash -mc 'sleep 600 & echo $! >pid'",
    "the agent's kernel session": "env -i sleep 600 & echo $! >pid",
    "forked twice": "env -i setsid bash -c 'setsid sleep 600 & echo $! >pid' &",
    "in another directory": "here=$PWD; cd /; env -i setsid sleep 600 & echo $! >$here/pid",
    "deaf to SIGTERM": "env -i setsid bash -c 'trap \"\" TERM; echo $$ >pid; while true; do sleep 600; done' &",
    "stopped": "env -i setsid bash -c 'echo $$ >pid; kill -STOP $$' &",
    "two of them": "env -i setsid bash -c 'sleep 600 & echo $! >pid; sleep 600' &",
}
"""How a tool, which ends at once, leaves a process without a tag behind."""


@pytest.fixture
async def launchers(tmp_path: Path) -> AsyncIterator[LauncherFixture]:
    """A launcher whose process is the engine's alone."""
    become_subreaper()
    made = LauncherFixture(tmp_path, adopts=True)
    yield made
    await made.aclose()
    assert await made.containment.end_everything(list, 0.0) == []


async def with_stray(
    launchers: LauncherFixture, escape: str, agent: str = STAYS, session: str = "s1"
) -> tuple[LocalChild, int]:
    """An agent whose tool has ended, and the pid of what the tool left, which is now a child of this process."""
    folder = launchers.folder / session
    folder.mkdir()
    (folder / "tool").write_text(ESCAPES[escape])
    child = await launchers.start(f"bash ./tool >/dev/null 2>&1 </dev/null; echo ready; {agent}", session, folder)
    await until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().endswith("\n"))
    pid = int((folder / "pid").read_text())
    await until(lambda: parent_of(pid) == os.getpid() or parent_of(parent_of(pid)) == os.getpid())
    await until(lambda: "QUARTERDECK_ENGINE" not in environ_of(pid))
    assert runs(pid)
    return child, pid


@pytest.mark.parametrize("escape", ESCAPES)
async def test_a_stray_ends_with_its_session(launchers: LauncherFixture, escape: str) -> None:
    child, stray = await with_stray(launchers, escape)
    ending = await launchers.launcher.stop(child, polite=5.0, term_grace=0.2)
    assert (ending.survivors, runs(stray), launchers.containment.strays.all()) == ((), False, [])


@pytest.mark.parametrize("escape", ESCAPES)
async def test_a_stray_ends_when_its_session_is_killed(launchers: LauncherFixture, escape: str) -> None:
    child, stray = await with_stray(launchers, escape, DEAF)
    ending = await launchers.launcher.kill(child)
    assert (ending.survivors, runs(stray)) == ((), False)


@pytest.mark.parametrize("escape", ESCAPES)
async def test_a_stray_counts_in_its_sessions_memory(launchers: LauncherFixture, escape: str) -> None:
    child, stray = await with_stray(launchers, escape)
    trees = await launchers.containment.read_trees({"s1": child.pid})
    assert stray in {process.id.pid for process in trees["s1"].processes}
    assert identify(stray) in launchers.containment.untagged


async def test_a_stray_of_one_session_outlives_the_end_of_another(launchers: LauncherFixture) -> None:
    first, stray = await with_stray(launchers, "a kernel session of its own", session="s1")
    other, _ = await with_stray(launchers, "a kernel session of its own", session="s2")
    await launchers.launcher.stop(other, polite=5.0, term_grace=0.2)
    assert runs(stray)
    await launchers.launcher.stop(first, polite=5.0, term_grace=0.2)
    assert not runs(stray)


async def test_a_stray_that_two_sessions_may_have_started_ends_with_the_last_of_them(
    launchers: LauncherFixture,
) -> None:
    other = await launchers.start(f"echo ready; {STAYS}", "s2")
    first, stray = await with_stray(launchers, "in another directory")
    await launchers.launcher.stop(first, polite=5.0, term_grace=0.2)
    assert runs(stray)
    await launchers.launcher.stop(other, polite=5.0, term_grace=0.2)
    assert not runs(stray)


async def test_a_stray_that_appears_once_its_session_is_gone_is_ended_by_the_upkeep(launchers: LauncherFixture) -> None:
    first, stray = await with_stray(launchers, "a kernel session of its own")
    launchers.containment.strays.ended("s1")
    assert await launchers.containment.end_ownerless(0.2) == ([], [])  # it may just have been launched
    found, left = await launchers.containment.end_ownerless(0.2)
    assert ([process.pid for process in found], left, runs(stray)) == ([stray], [], False)
    await launchers.launcher.kill(first)


async def test_what_was_there_before_the_engine_and_what_shares_its_kernel_session_is_left_alone(
    tmp_path: Path,
) -> None:
    become_subreaper()
    with (
        subprocess.Popen(["sleep", "600"], start_new_session=True) as before,
        subprocess.Popen(["sleep", "600"]) as helper,
    ):
        started = process_time()
        await until(lambda: process_time() > started + 0.02)  # the kernel dates starts by hundredths of a second
        launchers = LauncherFixture(tmp_path, adopts=True)
        assert await launchers.containment.end_everything(list, 0.0) == []
        assert runs(before.pid)
        assert runs(helper.pid)
        before.kill()
        helper.kill()


async def test_a_guest_in_a_foreign_process_touches_only_what_carries_its_tag(tmp_path: Path) -> None:
    become_subreaper()
    launchers = LauncherFixture(tmp_path)
    child, stray = await with_stray(launchers, "a kernel session of its own")
    ending = await launchers.launcher.stop(child, polite=5.0, term_grace=0.2)
    assert ending.survivors == ()
    assert await launchers.containment.end_everything(list, 0.0) == []
    assert runs(stray)
    os.kill(stray, 9)


async def test_a_child_that_is_just_being_launched_is_nobodys_stray(launchers: LauncherFixture) -> None:
    with launchers.containment.strays.launching(), subprocess.Popen(["sleep", "600"], start_new_session=True) as child:
        assert await launchers.containment.end_ownerless(0.0) == ([], [])
        assert await launchers.containment.end_ownerless(0.0) == ([], [])
        assert runs(child.pid)
        child.kill()
