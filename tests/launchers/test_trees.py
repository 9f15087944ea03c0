"""Nothing that a session started outlives it, however it tried to get away. The survivors are read from /proc."""

from __future__ import annotations

import os
import signal

import pytest

from engine.launchers.base import ProcessEnd
from engine.launchers.local import LocalChild
from tests.launchers.launching import DEAF, STAYS, LauncherFixture
from tests.support.processes import environ_of, parent_of, runs, until

ESCAPES = {
    "a child": ("sleep 600 &", 1),
    "its own process group": ("set -m; sleep 600 & set +m", 1),
    "its own process session": ("setsid sleep 600 &", 1),
    "a daemon": ("(setsid bash -c 'sleep 600 & sleep 600 & exit' >/dev/null 2>&1 </dev/null &)", 2),
    "deaf to SIGTERM": (f'setsid bash -c "{DEAF}" &', 2),
    "stopped": ("setsid sleep 600 & kill -STOP $!", 1),
}
"""What runs beside the agent, and how many processes that is."""


async def grown(launchers: LauncherFixture, escape: str, agent: str) -> tuple[LocalChild, list[int]]:
    """The agent and the pids of its whole tree."""
    script, more = ESCAPES[escape]
    child = await launchers.start(f"{script}\necho ready; {agent}")
    await until(lambda: len(launchers.survivors()) > more)
    return child, launchers.survivors()


def proven_empty(launchers: LauncherFixture, ending: ProcessEnd, tree: list[int]) -> bool:
    """Whether the launcher says that nothing is left, and nothing is."""
    return ending.survivors == () and launchers.survivors() == [] and not any(runs(pid) for pid in tree)


@pytest.mark.parametrize("escape", ESCAPES)
async def test_no_tool_outlives_an_agent_that_leaves_politely(launchers: LauncherFixture, escape: str) -> None:
    child, tree = await grown(launchers, escape, STAYS)
    ending = await launchers.launcher.stop(child, polite=5.0, term_grace=0.1)
    assert (ending.how, ending.exit_code) == ("eof", 1)
    assert proven_empty(launchers, ending, tree)


@pytest.mark.parametrize("escape", ESCAPES)
async def test_no_tool_outlives_an_agent_that_has_to_be_killed(launchers: LauncherFixture, escape: str) -> None:
    child, tree = await grown(launchers, escape, DEAF)
    ending = await launchers.launcher.stop(child, polite=0.05, term_grace=0.1)
    assert (ending.how, ending.exit_code) == ("sigkill", -9)
    assert proven_empty(launchers, ending, tree)


@pytest.mark.parametrize("escape", ESCAPES)
async def test_no_tool_outlives_a_kill(launchers: LauncherFixture, escape: str) -> None:
    child, tree = await grown(launchers, escape, DEAF)
    ending = await launchers.launcher.kill(child)
    assert (ending.how, ending.exit_code) == ("sigkill", -9)
    assert proven_empty(launchers, ending, tree)


@pytest.mark.parametrize("escape", ESCAPES)
async def test_no_tool_outlives_an_agent_that_crashed(launchers: LauncherFixture, escape: str) -> None:
    child, tree = await grown(launchers, escape, DEAF)
    os.kill(child.pid, signal.SIGKILL)
    await child.exited
    assert proven_empty(launchers, await launchers.launcher.collect(child, 0.1), tree)


async def test_a_frozen_tree_is_killed(launchers: LauncherFixture) -> None:
    child, tree = await grown(launchers, "its own process session", STAYS)
    for pid in tree:
        os.kill(pid, signal.SIGSTOP)
    ending = await launchers.launcher.stop(child, polite=0.05, term_grace=0.1)
    assert ending.how == "sigkill"
    assert proven_empty(launchers, ending, tree)


async def test_a_tool_that_dropped_the_tag_is_found_by_descent(launchers: LauncherFixture) -> None:
    child = await launchers.start(f"env -i setsid sleep 600 & echo $! >pid; echo ready; {STAYS}")
    pid = int((launchers.folder / "pid").read_text())
    await until(lambda: environ_of(pid) == {} and runs(pid))
    ending = await launchers.launcher.stop(child, polite=5.0, term_grace=1.0)
    assert ending.survivors == ()
    assert not runs(pid)


async def test_a_tool_that_is_started_while_the_agent_stops_is_found_too(launchers: LauncherFixture) -> None:
    late = "read line; setsid sleep 600 & exit"
    child = await launchers.start(f"echo ready; {late}")
    ending = await launchers.launcher.stop(child, polite=5.0, term_grace=0.1)
    assert (ending.how, ending.survivors, launchers.survivors()) == ("eof", (), [])


async def test_one_sessions_end_leaves_another_ones_tree_alone(launchers: LauncherFixture) -> None:
    first = await launchers.start(f"setsid sleep 600 & echo ready; {STAYS}", "s1")
    other = await launchers.start(f"setsid sleep 600 & echo ready; {STAYS}", "s10")
    await until(lambda: len(launchers.survivors()) == 4)
    await launchers.launcher.stop(first, polite=5.0, term_grace=0.1)
    left = [environ_of(pid)["QUARTERDECK_SESSION"] for pid in launchers.survivors()]
    assert left == [f"{launchers.engine}/s10"] * 2
    assert launchers.launcher.children == {other}


async def test_a_tool_that_dropped_the_tag_and_left_the_tree_is_known_from_before(launchers: LauncherFixture) -> None:
    """Its parent, an untagged daemoniser, ends on a line, so that the tool is nobody's child any more."""
    daemoniser = "sleep 600 & echo $! >pid; read line <leave"
    child = await launchers.start(f"mkfifo leave; env -i PATH=$PATH bash -c '{daemoniser}' & echo ready; {STAYS}")
    await until(lambda: (launchers.folder / "pid").exists() and (launchers.folder / "pid").read_text().strip())
    tool = int((launchers.folder / "pid").read_text())
    parent = parent_of(tool)
    assert len((await launchers.containment.read_trees({"s1": child.pid}))["s1"].processes) == 3
    (launchers.folder / "leave").write_text("\n")
    await until(lambda: parent_of(tool) != parent)
    assert environ_of(tool).keys() <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD"}
    ending = await launchers.launcher.stop(child, polite=5.0, term_grace=1.0)
    assert (ending.survivors, runs(tool)) == ((), False)
