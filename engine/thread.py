"""The engine's own thread and event loop: a stalled terminal never delays a health check, a timeout or a client."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from engine.base import process
from engine.engine import Engine
from engine.events.types import EventEnvelope
from engine.launchers.kernel import raise_descriptor_limit
from engine.settings.load import Loaded

T = TypeVar("T")
Serve = Callable[[Engine], Awaitable[Callable[[], Awaitable[None]]]]
"""Starts something beside an engine that is about to start (the API) and returns how to stop it."""

_LOOK_S = 0.1
"""Seconds after which a waiting main thread acts on a signal at the latest.

The system may deliver a signal on another thread (one in ten, measured on Linux), and Python runs its handler when the
main thread runs next: without this a wait that has no end would never see it.
"""


class EngineThread:
    """Owner of the thread that children are spawned on; it lives until the process tree is empty.

    `interactive` states that somebody looks on: then the simulator may stand in for a missing CLI or login.
    `owns_process` states that this process runs for the engine: then it ends every child that nobody launched.
    The parent-death signal follows the spawning thread, so nothing else may spawn sessions.
    """

    def __init__(
        self,
        loaded: Loaded,
        serve: Serve | None = None,
        on_event: Callable[[EventEnvelope], None] | None = None,
        *,
        interactive: bool = False,
        owns_process: bool = False,
    ) -> None:
        self._interactive = interactive
        self._owns_process = owns_process
        self._loaded = loaded
        self._serve = serve
        self._on_event = on_event
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._started: concurrent.futures.Future[Engine] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before_loop = threading.RLock()
        self._stop = asyncio.Event()
        self._kill_now = asyncio.Event()
        self._reason = "stopped"
        self.survivors = 0

    @property
    def engine(self) -> Engine:
        """The running engine; call its methods through `call` only."""
        return self._started.result(timeout=0)

    def start(self) -> Engine:
        """Start it and wait until it takes work. Raises what kept it from starting."""
        self._thread.start()
        return _result_of(self._started)

    def call(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the engine's loop from any thread."""
        if self._loop is None or self._loop.is_closed():
            work.close()
            failed: concurrent.futures.Future[T] = concurrent.futures.Future()
            failed.set_exception(RuntimeError("the engine has stopped"))
            return failed
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the engine's loop and wait for its result; handlers of signals run meanwhile."""
        return _result_of(self.call(work))

    def request_stop(self, reason: str) -> None:
        """Ask it to drain and stop; a second time, to stop at once. Returns at once, and counts before the start."""
        with self._before_loop:
            if self._loop is None:
                self._on_stop_request(reason)
                return
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_stop_request, reason)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has stopped; False when that took longer than `timeout` seconds."""
        if timeout is not None:
            self._thread.join(timeout)
        while timeout is None and self._thread.is_alive():
            self._thread.join(_LOOK_S)
        return not self._thread.is_alive()

    def _on_stop_request(self, reason: str) -> None:
        if self._stop.is_set():
            self._kill_now.set()
        self._reason = reason
        self._stop.set()

    def _run(self) -> None:
        if self._owns_process:
            process.one_heap()
            raise_descriptor_limit()
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        with self._before_loop:
            self._loop = asyncio.get_running_loop()
        try:
            engine = Engine(self._loaded, interactive=self._interactive, owns_process=self._owns_process)
            if self._on_event is not None:
                engine.bus.listen(self._on_event)
            unserve = await self._bring_up(engine)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the start
            self._started.set_exception(error)
            return
        if self._owns_process and gc.isenabled():  # a console has it off while it starts, and does the same later
            keep_what_started()
        self._started.set_result(engine)
        await self._stop.wait()
        await _first_of(engine.drain(self._reason), self._kill_now.wait())
        if unserve is not None:
            await unserve()
        closing = asyncio.ensure_future(engine.aclose(self._reason, at_once=self._kill_now.is_set()))
        await _first_of(asyncio.wait([closing]), self._kill_now.wait())
        if not closing.done():
            await engine.kill_now()
        self.survivors = await closing

    async def _bring_up(self, engine: Engine) -> Callable[[], Awaitable[None]] | None:
        unserve = await self._serve(engine) if self._serve is not None else None
        try:
            await engine.start()
            process.shield()
        except BaseException:
            if unserve is not None:
                await unserve()
            await engine.aclose("start failed")
            raise
        return unserve


def keep_what_started() -> None:
    """Let the garbage collector pass over all that there is now: it stays, and whole collections are shorter by far."""
    gc.collect()
    gc.freeze()


def _result_of(future: concurrent.futures.Future[T]) -> T:
    while not concurrent.futures.wait([future], timeout=_LOOK_S).done:
        pass
    return future.result()


async def _first_of(*works: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _new_loop() -> asyncio.AbstractEventLoop:
    """A loop whose children are watched by pidfd: on 3.11 the default watcher needs one thread a child."""
    loop = asyncio.new_event_loop()
    if sys.version_info < (3, 12) and sys.platform == "linux":
        from engine.launchers.watcher import OwnLoopWatcher

        asyncio.get_event_loop_policy().set_child_watcher(OwnLoopWatcher())
    return loop
