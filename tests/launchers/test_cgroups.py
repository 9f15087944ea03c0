"""Control groups: what is written where, on a hierarchy of plain files; and that without one nothing happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.launchers.cgroups import Cgroups, GroupLimits

GROUP_FILES = ("cgroup.procs", "cgroup.kill", "memory.high", "memory.max")


class Kernel:
    """A folder that looks like cgroupfs: a new group has the files of one."""

    def __init__(self, folder: Path, controllers: str = "cpu memory") -> None:
        self.root = folder / "cgroup"
        self.mine = self.root / "user.slice" / "me"
        self.mine.mkdir(parents=True)
        (self.root / "cgroup.controllers").write_text(controllers)
        self.own = folder / "own"
        self.own.write_text("4:memory:/old\n0::/user.slice/me\n")
        self.controllers = controllers

    def group(self, *names: str) -> Path:
        group = self.mine.joinpath(*names)
        group.mkdir(exist_ok=True)
        for name in GROUP_FILES:
            (group / name).touch()
        (group / "cgroup.controllers").write_text(self.controllers)
        return group


def opened(kernel: Kernel, limits: GroupLimits = GroupLimits()) -> Cgroups:  # noqa: B008 - frozen
    kernel.group("quarterdeck-e1")
    groups = Cgroups("e1", lambda: limits, kernel.root, kernel.own)
    assert groups.open()
    return groups


def test_a_session_is_put_into_a_group_with_its_limits_and_killed_as_one(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    groups = opened(kernel, GroupLimits(100, 200))
    session = kernel.group("quarterdeck-e1", "s0001")
    groups.enter("s0001", 4711)
    said = {name: (session / name).read_text() for name in GROUP_FILES}
    assert said == {"cgroup.procs": "4711", "memory.high": "100", "memory.max": "200", "cgroup.kill": ""}
    assert (kernel.mine / "quarterdeck-e1" / "cgroup.subtree_control").read_text() == "+memory"
    assert groups.kill("s0001")
    assert (session / "cgroup.kill").read_text() == "1"


def test_a_group_without_memory_has_no_limits_and_no_limit_writes_none(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, controllers="cpu")
    groups = opened(kernel)
    session = kernel.group("quarterdeck-e1", "s0001")
    groups.enter("s0001", 1)
    assert (session / "memory.max").read_text() == ""
    assert not (kernel.mine / "quarterdeck-e1" / "cgroup.subtree_control").exists()


def test_groups_are_taken_away_when_they_are_empty(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    groups = opened(kernel)
    session = kernel.mine / "quarterdeck-e1" / "s0002"
    session.mkdir()
    groups.remove("s0002")
    assert not session.exists()
    assert not groups.kill("s0002")


@pytest.mark.parametrize("own", ["4:memory:/old\n", ""])
def test_without_a_unified_hierarchy_nothing_is_touched(tmp_path: Path, own: str) -> None:
    kernel = Kernel(tmp_path)
    kernel.own.write_text(own)
    groups = Cgroups("e1", GroupLimits, kernel.root, kernel.own)
    assert not groups.open()
    groups.enter("s0001", 1)
    assert not groups.kill("s0001")
    assert list(kernel.mine.iterdir()) == []
