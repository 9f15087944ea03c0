"""`quarterdeck` as its users run it: processes of their own, with a home of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import runs, survivors, wait_until
from tui.feeds.client import Address, EngineClient

PROGRAM = (sys.executable, "-m", "tui.cli.main")
ROOT = Path(__file__).parents[2]
QUICK = (
    "session_pool.min_size=0",
    "session_pool.auto_scaling.scale_up_threshold=1",
    "session_pool.auto_scaling.target_cpu=1",  # whatever else runs on the machine
    "engine.demo=off",
    "retry.breaker_wait=0s",
    "engine.stop_term_grace=1s",
    "claude.extra_args=[--allowedTools=Bash]",
)
"""Settings of an engine for tests: no session before it is needed, tools used without asking."""
START_S = 60.0


def environment_of(home: Path, **more: str) -> dict[str, str]:
    """The whole environment of a process whose home is `home`."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "STATE")}
    mine = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), **folders}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "dumb", **mine, **more}


def quarterdeck(
    home: Path, *arguments: str, given: str = "", program: Sequence[str] = PROGRAM, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, outside the checkout, with nothing but pipes."""
    return subprocess.run(
        [*program, *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
        cwd=home,
        env=environment_of(home, **environment),
    )


@contextmanager
def background(home: Path, *settings: str) -> Iterator[int]:
    """The process id of an engine that `up` starts, with the real CLI on the offline model; it has ended afterwards."""
    overrides = (word for each in ("engine.demo=off", *settings) for word in ("--set", each))
    began = quarterdeck(home, "up", "--offline", "--json", *overrides)
    assert began.returncode == 0, began.stderr
    pid = int(json.loads(began.stdout)["pid"])
    try:
        yield pid
    finally:
        quarterdeck(home, "down", "--now")
        assert not runs(pid)


def takes_work(socket: Path) -> bool:
    """Whether an engine listens there and has started: its socket is there before it is."""
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://engine") as client:
            return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


class Headless:
    """A running `quarterdeck --engine-only`."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path, log: Path) -> None:
        self.process = process
        self.home = home
        self._log = log
        self.socket = Path()
        self.id = ""

    def wait_serving(self) -> None:
        """Wait until its listeners are open."""
        wait_until(lambda: self.ended or self.logged("serving"), START_S)
        assert not self.ended, self.output
        self.socket = Path(self.logged("serving")[0]["socket"])
        self.id = str(self.logged("engine_started")[0]["engine"])

    @property
    def ended(self) -> bool:
        """Whether the engine's own process is gone."""
        return self.process.poll() is not None

    @property
    def output(self) -> str:
        """All that it wrote so far."""
        return self._log.read_text()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log's lines about one kind of event."""
        lines = [json.loads(line) for line in self.output.splitlines() if line.startswith("{") and line.endswith("}")]
        return [line for line in lines if line["event"] == event]

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """One call of its API."""
        with EngineClient(Address(uds=self.socket)) as client:
            return client.call(method, path, body)

    def send(self, prompt: str, **more: Any) -> None:
        """Give it a prompt without waiting for the answer."""
        self.call("POST", "/api/prompts", {"prompt": prompt, "wait": False, **more})

    def tree(self) -> list[int]:
        """All that its sessions run."""
        return survivors(self.id)

    def signal(self, number: signal.Signals) -> None:
        """Signal the engine's own process."""
        self.process.send_signal(number)

    def exit_code(self, seconds: float = START_S) -> int:
        """Wait for its end."""
        return self.process.wait(seconds)


@contextmanager
def headless(home: Path, *arguments: str, settings: Sequence[str] = (), **environment: str) -> Iterator[Headless]:
    """An engine that serves; killed at the end with all that it started."""
    log = home / f"log-{len(list(home.glob('log-*')))}"
    overrides = [part for setting in (*QUICK, *settings) for part in ("--set", setting)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*PROGRAM, "--engine-only", "--backend=simulator", *overrides, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=home,
            env=environment_of(home, **environment),
        )
    engine = Headless(process, home, log)
    try:
        engine.wait_serving()
        yield engine
    finally:
        if not engine.ended:
            process.kill()
        process.wait()
        for pid in engine.tree() if engine.id else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
