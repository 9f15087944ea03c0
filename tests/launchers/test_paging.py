"""Memory of sessions goes to swap through their control group, or by advice where that is allowed."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from engine.launchers import paging as paging_module
from engine.launchers.cgroups import Cgroups, GroupLimits
from engine.launchers.paging import Paging
from tests.launchers.test_cgroups import Kernel, opened


def plenty() -> int:
    """A machine with swap."""
    return 1 << 30


def with_reclaim(kernel: Kernel) -> Cgroups:
    """The engine's group on a kernel that takes memory back."""
    groups = opened(kernel)
    (kernel.mine / "quarterdeck-e1" / "memory.reclaim").touch()
    session = kernel.group("quarterdeck-e1", "s0001")
    (session / "memory.reclaim").touch()
    return groups


def test_a_session_with_a_group_of_its_own_is_paged_out_by_the_kernel(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    paging = Paging(with_reclaim(kernel), plenty)
    assert paging.missing() == ""
    assert paging.page_out("s0001", [1], 12345)
    assert (kernel.mine / "quarterdeck-e1" / "s0001" / "memory.reclaim").read_text() == "12345"


@pytest.mark.parametrize(("code", "taken"), [(errno.EAGAIN, True), (errno.EINVAL, False)])
def test_less_than_asked_for_is_taken_and_another_refusal_is_none(
    tmp_path: Path, code: int, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = with_reclaim(Kernel(tmp_path))

    def refuse(_self: Path, _text: str) -> int:
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert groups.reclaim("s0001", 1) == taken


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_groups = Cgroups("e1", GroupLimits, tmp_path, tmp_path / "none")
    monkeypatch.setattr(paging_module, "_may_advise", lambda: False)
    assert Paging(no_groups, lambda: 0).missing() == "no swap is free"
    assert Paging(no_groups, plenty).missing() == "no control group with memory of its own, and no CAP_SYS_NICE"
    monkeypatch.setattr(paging_module, "_may_advise", lambda: True)
    assert Paging(no_groups, plenty).missing() == ""


def test_without_a_group_the_processes_are_advised_and_go_on(tmp_path: Path) -> None:
    paging = Paging(Cgroups("e1", GroupLimits, tmp_path, tmp_path / "none"), plenty)
    hold = "import sys; kept = b'x' * 20_000_000; print(1, flush=True); sys.stdin.read(); print(sum(kept[::4096]))"
    argv = [sys.executable, "-c", hold]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "1\n"
        paging.page_out("s0001", [child.pid], 20_000_000)
        said, _ = child.communicate()
    assert int(said) == 120 * len(range(0, 20_000_000, 4096))
    assert not paging.page_out("s0001", [child.pid], 1)  # it is gone
