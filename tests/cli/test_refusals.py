"""Bad input: one clear line, the remedy, the right exit code, and never a traceback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.headless import PROGRAM, environment_of, headless, quarterdeck
from tests.support.processes import PATIENCE_S


def refused(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """Exit code, first line and last line of what was said, which must be short and in form."""
    lines = done.stderr.splitlines()
    assert all(line.startswith('{"') for line in done.stdout.splitlines())  # of the engine's log, if at all
    assert lines[0].startswith("quarterdeck: ")
    assert lines[-1].startswith("  → ")
    assert len(lines) <= 4
    return done.returncode, lines[0].removeprefix("quarterdeck: "), lines[-1].removeprefix("  → ")


CASES: list[tuple[Sequence[str], int, str, str]] = [
    (["run", "x", "--set", "queue.max_wating=5"], 2, "queue.max_wating = 5 (--set): no such setting", "config schema"),
    (["--set", "queue.max_waiting=many", "run", "x"], 2, "it must be a whole number from", "config schema"),
    (["run", "x", "--set", "nonsense"], 2, "not KEY=VALUE", "config schema"),
    (["--config", "missing.yaml", "run", "x"], 2, "missing.yaml does not exist", ""),
    (["--config", "folder", "--engine-only"], 2, "folder cannot be read: Is a directory", ""),
    (["--config", "torn.yaml", "config", "check"], 2, "torn.yaml is not valid YAML", ""),
    (["--config", "bytes.yaml", "doctor"], 2, "bytes.yaml is not UTF-8 text", ""),
    (["--engine-only", "run", "x"], 2, "--engine-only goes with no command", ""),
    (["run", "x", "--backend", "claude", "--set", "claude.binary=/no/claude"], 1, "CLI at /no/claude", "claude.binary"),
    (["--engine-only", "--offline", "--set", "claude.binary=/no/claude"], 1, "no Claude Code CLI", "pip install"),
    ([], 2, "The console needs a terminal", "--engine-only"),
    (["attach"], 3, "No engine answers at unix:", "quarterdeck up"),
    (["attach", "somewhere"], 2, "'somewhere' is no address", "unix:PATH"),
    (["attach", "http://127.0.0.1:1"], 3, "No engine answers", "quarterdeck up"),
    (["attach", "http://["], 3, "No engine answers", "quarterdeck up"),
    (["replay", "folder"], 2, "folder holds no flight recording", "flight.jsonl"),
    (["replay", "torn.yaml"], 2, "is not a flight recording", "an engine wrote"),
    (["sessions"], 3, "No engine answers", "quarterdeck up"),
    (["sessions", "kill", "s0001"], 3, "No engine answers", "quarterdeck up"),
    (["breakers", "--json"], 3, "No engine answers", "quarterdeck up"),
    (["config", "set", "session_pool.max_size=3"], 3, "No engine answers", "quarterdeck up"),
    (["config", "undo"], 3, "No engine answers", "quarterdeck up"),
    (["config", "get", "queue.max_wating"], 2, "no such setting", "config schema"),
    (["config", "set", "nonsense"], 2, "not KEY=VALUE", "config schema"),
    (["presets", "save", "NIGHT!"], 2, "name: expected", "presets save --help"),
    (["conversations", "update", "c1", "--title", "x" * 121], 2, "title: expected", "conversations update --help"),
    (["conversations", "list", "--q", "x" * 201], 2, "q: expected", "conversations list --help"),
    (["offline-model", "--fault", "httpp529"], 2, "no fault 'httpp529'", "http529"),
    (["--engine-only", "--set", "engine.state_dir=/proc/no"], 2, "/proc/no cannot be written", "state_dir"),
    (["--engine-only", "--set", "api.socket=/proc/no/engine.sock"], 2, "cannot be made", "api.socket"),
    (["--engine-only", "--set", "api.socket=folder/torn.yaml"], 2, "cannot be made", "api.socket"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "sentence", "remedy"),
    CASES,
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_bad_input_is_told_in_one_line_with_a_remedy(
    home: Path, arguments: Sequence[str], code: int, sentence: str, remedy: str
) -> None:
    (home / "folder").mkdir()
    (home / "folder/torn.yaml").write_text("precious")
    (home / "torn.yaml").write_text("queue: {max_waiting: [")
    (home / "bytes.yaml").write_bytes(b"\xff\xfe")
    told = refused(quarterdeck(home, *arguments))
    assert told[0] == code
    assert sentence in told[1]
    assert remedy in told[2]
    assert (home / "folder/torn.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    "arguments", [["dance"], ["run"], ["run", "x", "--dance"], ["run", "x", "--backend", "gpt"], ["config"]]
)
def test_wrong_usage_shows_the_usage(home: Path, arguments: list[str]) -> None:
    done = quarterdeck(home, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: quarterdeck")


def test_all_bad_settings_are_told_at_once(home: Path) -> None:
    (home / "config.yaml").write_text("retry: {max_attempts: -1}\n")
    done = quarterdeck(home, "--config", "config.yaml", "--set", "queue.max_waiting=x", "config", "check", PORT="none")
    assert done.returncode == 2
    told = [line.split()[0] for line in done.stderr.removeprefix("quarterdeck: ").splitlines()[:-1]]
    assert sorted(told) == ["api.port", "queue.max_waiting", "retry.max_attempts"]


def test_a_port_in_use_is_told_and_nothing_is_left(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused(quarterdeck(home, "--engine-only", "--backend=simulator", "--set", f"api.port={port}"))
    assert told == (
        2,
        f"127.0.0.1:{port} cannot be listened on: Address already in use.",
        "Set another `api.port`, or none for the local socket alone.",
    )
    assert not (home / "run/quarterdeck/engine.sock").exists()
    assert list((home / "state/quarterdeck").glob("engines/*.json")) == []


def test_a_second_engine_on_a_live_socket_is_told_how_to_attach(home: Path) -> None:
    with headless(home) as engine:
        told = refused(quarterdeck(home, "--engine-only", "--backend=simulator"))
        assert told[0] == 2
        assert "already listens" in told[1]
        assert "quarterdeck attach" in told[2]
        assert engine.call("GET", "/api/pool")["pool"]["size"] == 0
        assert [path.stem for path in (home / "state/quarterdeck/engines").iterdir()] == [engine.id]


def test_the_stale_socket_of_a_dead_engine_is_taken_over(home: Path) -> None:
    with headless(home) as dead:
        dead.process.kill()
        dead.exit_code()
        assert dead.socket.is_socket()
        assert quarterdeck(home, "sessions").returncode == 3
        with headless(home) as engine:
            assert engine.socket == dead.socket
            assert engine.call("GET", "/api/pool")


def test_something_else_that_listens_is_no_engine(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        process = subprocess.Popen(
            [*PROGRAM, "attach", f"http://127.0.0.1:{other.getsockname()[1]}"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            env=environment_of(home),
        )
        caller, _ = other.accept()
        with caller, process:
            caller.recv(65536)
            caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, "No engine answers" in said) == (3, True)


def test_a_reader_who_has_seen_enough_is_no_failure(home: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "config", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=environment_of(home),
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(30)) == (b"", 0)


def test_an_engine_outlives_the_reader_of_its_log(home: Path) -> None:
    arguments = [*PROGRAM, "--engine-only", "--backend=simulator", "--set", "engine.demo=off"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=home, env=environment_of(home)) as process:
        assert process.stdout is not None
        while b'"serving"' not in process.stdout.readline():
            assert process.poll() is None
        process.stdout.close()
        for _ in range(2):
            done = quarterdeck(home, "run", "still there")
            assert (done.returncode, done.stdout) == (0, "Echo: still there\n")
        process.terminate()
        assert process.wait(30) == 0
