"""`quarterdeck up` and `down`: an engine that outlives the terminal that started it, and ends when it is told to."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.log import log_file
from tests.support.headless import PROGRAM, environment_of, quarterdeck
from tests.support.processes import runs

SIMULATED = "--backend=simulator"


def read(home: Path, *arguments: str) -> dict[str, Any]:
    found = quarterdeck(home, *arguments, "--json")
    assert found.returncode == 0, found.stderr
    return dict(json.loads(found.stdout))


@pytest.fixture
def up(home: Path) -> Iterator[dict[str, Any]]:
    """An engine that stays; whatever the test did, it is ended."""
    began = read(home, "up", SIMULATED)
    try:
        yield began
    finally:
        quarterdeck(home, "down", "--now")
        assert not runs(began["pid"])


def test_it_stays_answers_and_ends_when_told(home: Path, up: dict[str, Any]) -> None:
    assert (up["started"], up["headless"], up["consoles"]) == (True, True, 0)
    assert runs(up["pid"])
    assert quarterdeck(home, "run", "hello").stdout == "Echo: hello\n"
    again = read(home, "up", SIMULATED)
    assert (again["started"], again["pid"]) == (False, up["pid"])
    log = Path(up["log"])
    assert log.stat().st_mode & 0o777 == 0o600
    assert '"request_ended"' in log.read_text()
    assert read(home, "down")["ended"]
    assert not runs(up["pid"])
    assert quarterdeck(home, "down").returncode == 3


def test_a_read_only_call_ends_nothing(home: Path, up: dict[str, Any]) -> None:
    refused = quarterdeck(home, "down", "--read-only")
    assert refused.returncode != 0
    assert "read-only" in refused.stderr.lower()
    assert runs(up["pid"])


def test_another_state_folder_ends_no_engine(home: Path, up: dict[str, Any]) -> None:
    same = f"--set=api.socket={up['socket']}"
    refused = quarterdeck(home, "down", same, f"--set=engine.state_dir={home / 'other'}")
    assert refused.returncode == 2
    assert "another folder" in refused.stderr
    assert runs(up["pid"])


def test_an_engine_that_cannot_start_says_why(home: Path) -> None:
    broken = quarterdeck(home, "up", SIMULATED, "--set=session_pool.max_size=-1")
    assert broken.returncode == 2
    assert "session_pool.max_size" in broken.stderr


@pytest.mark.parametrize("state", ["a file", "/proc/nowhere", "its log is a folder"])
def test_a_log_that_cannot_be_written_is_one_sentence(home: Path, state: str) -> None:
    folder = Path(state) if state.startswith("/") else home / "state folder"
    if state == "a file":
        folder.write_text("no folder")
    elif not state.startswith("/"):
        (folder / "up.log").mkdir(parents=True)
    refused = quarterdeck(home, "up", SIMULATED, f"--set=engine.state_dir={folder}")
    assert refused.returncode == 1
    assert f"The log {folder / 'up.log'} cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_only_what_this_start_wrote_is_shown(home: Path, up: dict[str, Any]) -> None:
    assert read(home, "down")["ended"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = quarterdeck(home, "up", SIMULATED, f"--set=api.port={port}")
    assert refused.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in refused.stderr
    assert "engine_stopped" not in refused.stderr
    assert '"event"' not in refused.stderr


def test_two_at_once_start_one_engine_and_one_of_them_says_that_it_was_there(home: Path) -> None:
    both = [
        subprocess.Popen(
            [*PROGRAM, "up", SIMULATED, "--json"], cwd=home, env=environment_of(home), stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    found = [json.loads(each.communicate(timeout=90)[0]) for each in both]
    try:
        assert len({each["pid"] for each in found}) == 1
        assert sorted(each["started"] for each in found) == [False, True]
    finally:
        quarterdeck(home, "down", "--now")


def test_a_full_log_becomes_the_one_before(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from engine.log import log_file;"
        "log_file.BOUND = 100; file = log_file.LogFile(Path(sys.argv[1])); file.open();"
        "os.write(1, b'a' * 150); file.rotate(); os.write(1, b'new'); os.write(2, b'er'); file.rotate();"
        "os.unlink(sys.argv[1]); file.rotate(); os.write(1, b'again'); file.rotate();"
        "os.rename(sys.argv[1], sys.argv[1] + '.moved'); Path(sys.argv[1]).touch();"
        "file.rotate(); os.write(1, b'here'); file.rotate()"
    )
    path = tmp_path / "engine.log"
    subprocess.run([PROGRAM[0], "-c", script, str(path)], check=True, cwd=Path(log_file.__file__).parents[2])
    assert path.read_text() == "here"
    assert path.with_name("engine.log.moved").read_text() == "again"
    assert path.with_name("engine.log.1").read_text() == "a" * 150
