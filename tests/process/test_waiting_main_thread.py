"""A main thread that waits for the engine's acts on a signal that the system delivered on another thread."""

from __future__ import annotations

import concurrent.futures
import signal
import threading
from types import FrameType

import pytest

from engine.thread import _result_of


def test_a_signal_delivered_elsewhere_is_acted_on_while_the_main_thread_waits() -> None:
    future: concurrent.futures.Future[str] = concurrent.futures.Future()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        future.set_exception(KeyboardInterrupt())

    before = signal.signal(signal.SIGUSR1, on_signal)
    waits = threading.Event()

    def elsewhere() -> None:
        waits.wait()
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    threading.Timer(0.2, waits.set).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            _result_of(future)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
