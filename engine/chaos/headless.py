"""An engine in a process of its own, to be killed and started again: the ground of `engine_killed`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec

from engine.base.errors import NoEngine, QuarterdeckError
from engine.base.process import python_module
from engine.base.processes import ENGINE_TAG, ProcessId, tagged
from engine.chaos.api import Api
from engine.chaos.target import Observed
from engine.requests import Answer, Request

_STOP_S = 30.0


class HeadlessEngine:
    """Owner of the process; its requests go over the local socket."""

    def __init__(self, folder: Path, overrides: Sequence[str], api: Api, backend: str) -> None:
        self._folder = folder
        self._overrides = overrides
        self._socket = folder / "engine.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._ids: set[str] = set()
        self.api = api
        self.backend = backend

    async def ask(self, request: Request) -> Answer:
        """Its answer. Raises NoEngine while there is none, also when it dies under the request."""
        body = {"id": request.id, "prompt": request.prompt, "conversation": request.conversation, "user": request.user}
        transport = httpx.AsyncHTTPTransport(uds=str(self._socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=None) as client:  # noqa: S113
            try:
                response = await client.post("/api/prompts", json=body)
            except httpx.TransportError as error:
                raise NoEngine(f"The engine went away: {error!r}.", remedy="Ask again once it is back.") from error
        found = response.json()
        if response.is_success:
            return msgspec.convert(found["data"]["prompt"], Answer)
        failed = QuarterdeckError(str(found["error"]), remedy=str(found.get("remedy", "")))
        raise failed.changed(code=str(found["code"]))

    async def sessions(self) -> list[Observed]:
        """None: it is the engine that is struck."""
        return []

    async def change(self, changes: Mapping[str, Any]) -> None:
        """Raises RuntimeError: no drill of this ground changes settings."""
        raise RuntimeError(f"{changes} cannot be changed here")

    async def disk_free(self) -> int:
        """Unknown here."""
        return 0

    async def kill_engine(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def start_engine(self) -> None:
        """Start it, on the state that the last one left, and wait until it serves."""
        settings = [*self._overrides, f"api.socket={self._socket}"]
        self._process = await asyncio.to_thread(_spawn, self._folder, settings)
        if self._process.stdout is None:
            raise RuntimeError("a pipe was asked for and not given")
        line = await asyncio.to_thread(self._process.stdout.readline)
        if not line:
            raise NoEngine("The headless engine did not start.", remedy="Its reason is on standard error.")
        self._ids.add(line.decode().strip())

    async def aclose(self) -> None:
        """Drain it; kill it when that takes too long."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, _STOP_S)
        except subprocess.TimeoutExpired:
            await self.kill_engine()

    def signal(self, process: ProcessId, number: signal.Signals) -> bool:  # noqa: ARG002 - the port's signature
        """No session is signalled here."""
        return False

    def survivors(self) -> int:
        """Processes that carry the tag of any of the engines that ran here."""
        return len(tagged(lambda tags: tags.get(ENGINE_TAG) in self._ids))


def _spawn(folder: Path, overrides: Sequence[str]) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": root, "HOME": str(folder)}
    return subprocess.Popen(
        [*python_module("engine.chaos.headless"), str(folder), *overrides],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # Ctrl-C is for the drill, which ends it in order
    )


def main(folder: str, overrides: Sequence[str]) -> None:
    """Serve until SIGTERM; the engine's id on stdout states that it serves."""
    from engine.api.server import serve
    from engine.settings.load import load_settings
    from engine.thread import EngineThread

    thread = EngineThread(load_settings(None, list(overrides), {"HOME": folder}, None), serve)

    def on_signal(*_: object) -> None:
        thread.request_stop("the drill is done")

    signal.signal(signal.SIGTERM, on_signal)
    print(thread.start().id, flush=True)  # noqa: T201 - what the drill waits for
    while not thread.join(0.5):
        pass
    sys.exit(1 if thread.survivors else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
