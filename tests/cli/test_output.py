"""Standard output that is full, gone or not read: one sentence, the right code, and an engine that lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.headless import PROGRAM, QUICK, environment_of, takes_work
from tests.support.processes import wait_until
from tui.feeds.client import Address, EngineClient

PRINTING = (
    ("--help",),
    ("--version",),
    ("run", "--help"),
    ("run", "--backend=simulator", "--set=session_pool.min_size=0", "hello"),
    ("run", "--backend=simulator", "--set=session_pool.min_size=0", "--stream", "[[words: 50]]"),
    ("run", "--backend=simulator", "--set=session_pool.min_size=0", "--json", "hello"),
    ("config", "show"),
    ("config", "schema"),
    ("doctor",),
    ("keys",),
    ("classify", "--rules"),
    ("--engine-only", "--backend=simulator", "--set=session_pool.min_size=0"),
)


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_standard_output_is_one_sentence_and_code_1(home: Path, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            cwd=home,
            env=environment_of(home),
        )
    assert "Standard output cannot be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == 1


def test_a_log_that_nobody_reads_stops_neither_the_probes_nor_the_end(home: Path) -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [
            *PROGRAM,
            "--engine-only",
            "--backend=simulator",
            *(f"--set={each}" for each in QUICK),
            "--set=log.level=debug",
        ],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.DEVNULL,
        cwd=home,
        env=environment_of(home),
    )
    os.close(writing)
    socket = home / "run" / "quarterdeck" / "engine.sock"
    try:
        wait_until(lambda: takes_work(socket))
        with EngineClient(Address(uds=socket)) as client:
            text = "x" * 4000
            for _ in range(60):  # far more than a pipe holds
                client.call("POST", "/api/prompts", {"prompt": text, "commands": False})
            began = time.monotonic()
            assert client.call("GET", "/api/pool")
            assert time.monotonic() - began < 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reading)
