"""The ledger tells the engines that are dead from those that live, and trusts no file that it cannot read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.base.processes import ENGINE_TAG, boot_id, identify
from engine.launchers.engine_registry import EngineRegistry, RegisteredEngine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the entries lie."""
    return tmp_path / "engines"


@pytest.fixture
def registry(folder: Path) -> EngineRegistry:
    """A ledger whose folder is not there yet."""
    return EngineRegistry(folder)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process with the tag of engine `dead`."""
    with subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"], ENGINE_TAG: "dead"}) as process:
        yield process
        process.kill()


def write(folder: Path, engine: str, **changes: Any) -> None:
    """An entry of this very process, changed."""
    me = identify(os.getpid())
    assert me is not None
    fields = {"engine": engine, "pid": me.pid, "started": me.started, "boot": boot_id(), **changes}
    folder.mkdir(exist_ok=True)
    (folder / f"{engine}.json").write_bytes(msgspec.json.encode(RegisteredEngine(**fields)))


def test_an_engine_is_in_the_ledger_until_it_leaves(registry: EngineRegistry, folder: Path) -> None:
    registry.enter("mine")
    assert [path.name for path in folder.iterdir()] == ["mine.json"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert registry.dead_engines() == []
    registry.leave("mine")
    assert list(folder.iterdir()) == []
    registry.leave("mine")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"pid": 2**22 + 1}, id="nobody has its pid"),
        pytest.param({"started": 1}, id="somebody else has its pid"),
        pytest.param({"boot": "an earlier boot"}, id="the machine was restarted"),
    ],
)
def test_only_the_dead_among_two_engines_is_dead(
    registry: EngineRegistry, folder: Path, changes: dict[str, Any]
) -> None:
    registry.enter("alive")
    write(folder, "dead", **changes)
    assert registry.dead_engines() == ["dead"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"engine": "torn", "pid": 1', b"[]", b'{"engine": 1}', b"\xff\x00"])
def test_a_torn_entry_is_no_verdict_and_hides_no_other(registry: EngineRegistry, folder: Path, content: bytes) -> None:
    write(folder, "dead", started=1)
    (folder / "torn.json").write_bytes(content)
    (folder / "unfinished.new").write_bytes(b"{")
    assert registry.dead_engines() == ["dead"]
    assert (folder / "torn.json").read_bytes() == content  # it may be a living engine's, of another version


def test_a_missing_folder_is_an_empty_ledger(registry: EngineRegistry) -> None:
    assert registry.dead_engines() == []


def test_orphans_are_those_with_the_engines_own_tag(registry: EngineRegistry, sleeper: subprocess.Popen[bytes]) -> None:
    assert registry.orphans("dead") == [identify(sleeper.pid)]
    assert registry.orphans("dea") == []
