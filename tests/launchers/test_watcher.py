"""The engine sees its children end, whatever becomes of the main thread's event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import Future

from engine.thread import _new_loop
from tests.support.processes import PATIENCE_S

ENDED = 7


def test_the_end_of_the_main_threads_loop_leaves_the_engines_children_watched() -> None:
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.subprocess.Process]] = Future()
    code: Future[int] = Future()

    async def watch() -> None:
        program = f"import sys; sys.stdin.read(); sys.exit({ENDED})"
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=asyncio.subprocess.PIPE)
        started.set_result((asyncio.get_running_loop(), child))
        code.set_result(await child.wait())

    def live() -> None:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(watch())

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    loop, child = started.result(PATIENCE_S)
    asyncio.run(asyncio.sleep(0))  # a console that comes and goes in the main thread
    assert child.stdin is not None
    loop.call_soon_threadsafe(child.stdin.close)
    assert code.result(PATIENCE_S) == ENDED
    thread.join(PATIENCE_S)
