"""The engine that is abused: a process of its own, whose log can be left unread and whose limits can be lowered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from engine.base.errors import NoEngine
from engine.base.processes import ENGINE_TAG, tagged

START_S, STOP_S = 60.0, 30.0
_LOOPBACK = "127.0.0.1"
_PIECE = 64 * 1024


class Target:
    """Owner of the process and of the reader of its log."""

    def __init__(self, folder: Path, program: Sequence[str]) -> None:
        self.folder = folder
        self.program = program
        self.socket = folder / "run" / "engine.sock"
        self.state = folder / "state"
        self.port = _free_port()
        self.id = ""
        self._argv = [*program, "--engine-only", "--backend=simulator", *self._settings()]
        self._reading = asyncio.Event()
        self._reading.set()
        self._serving = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._unfinished = b""

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The engine's process. Raises NoEngine before the start."""
        if self._process is None:
            raise NoEngine("The engine was not started.", remedy="Start it.")
        return self._process

    @property
    def memory(self) -> int:
        """Its resident bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    async def start(self) -> None:
        """Start it and wait until it serves. Raises NoEngine."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)},
            start_new_session=True,  # Ctrl-C is for the harness, which ends it in order
        )
        self._reader = asyncio.create_task(self._read_log(), name="log of the abused engine")
        waiting = asyncio.ensure_future(self._serving.wait())
        await asyncio.wait({waiting, self._reader}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not self._serving.is_set():
            raise NoEngine("The engine to be abused did not start.", remedy=self._unfinished.decode(errors="replace"))

    @contextlib.contextmanager
    def unread(self) -> Iterator[None]:
        """Nobody reads its log meanwhile."""
        self._reading.clear()
        try:
            yield
        finally:
            self._reading.set()

    @contextlib.contextmanager
    def without_descriptors(self) -> Iterator[None]:
        """It may open nothing more meanwhile."""
        pid = self.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (psutil.Process(pid).num_fds(), before[1]))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One call on its local socket. Raises httpx.TransportError."""
        async with self._client() as client:
            return await client.request(method, path, json=body)

    async def is_ready(self) -> bool:
        """Whether it can take work."""
        try:
            return (await self.call("GET", "/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def survivors(self) -> int:
        """Processes that carry its tag."""
        return len(tagged(lambda tags: tags.get(ENGINE_TAG) == self.id))

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """End it by a signal; its exit code, or None when it had to be killed."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_S):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            return None
        finally:
            if self._reader is not None:
                self._reader.cancel()
                await asyncio.wait([self._reader])

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=START_S) as client:
            yield client

    def _settings(self) -> list[str]:
        settings = (
            f"api.socket={self.socket}",
            f"api.port={self.port}",
            f"engine.state_dir={self.state}",
            "engine.demo=off",
            "engine.grace=0s",
            "claude.extra_args=[--allowedTools=Bash]",
            "session_pool.min_size=4",
            "session_pool.max_size=4",
            "log.format=json",
        )
        return [part for setting in settings for part in ("--set", setting)]

    async def _read_log(self) -> None:
        """Read what it prints, as long as its log is to be read."""
        if self.process.stdout is None:
            raise RuntimeError("a pipe was asked for and not given")
        while piece := await self.process.stdout.read(_PIECE):
            *lines, self._unfinished = (self._unfinished + piece).split(b"\n")
            for line in lines if not self._serving.is_set() else ():
                self._take(line)
            await self._reading.wait()

    def _take(self, line: bytes) -> None:
        with contextlib.suppress(json.JSONDecodeError):
            found = json.loads(line)
            self.id = found.get("engine", self.id)
            if found.get("event") == "serving":
                self._serving.set()


def _free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


_LOOK_S = 0.05


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """Seconds until the condition holds, at most so many."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        took = loop.time() - began
        if took >= seconds or await condition():
            return took
        await asyncio.sleep(_LOOK_S)
