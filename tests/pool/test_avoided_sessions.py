"""A session whose breaker is not closed serves nobody: neither the balancer nor affinity chooses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.requests import Request
from tests.support.engines import running
from tests.support.processes import until


@pytest.mark.parametrize("act", ["open", "trip"])
async def test_an_idle_session_with_an_open_breaker_is_replaced(tmp_path: Path, act: str) -> None:
    async with running(tmp_path, "session_pool.min_size=1") as engine:
        first = await engine.submit(Request(prompt="one", user="ana"))
        engine.breakers.watch(f"session:{first.session}")
        engine.breakers.control(f"session:{first.session}", act, "ana")
        again = await engine.submit(Request(prompt="two", user="ana", conversation=first.conversation))
        assert again.session != first.session
        assert again.conversation == first.conversation
        await until(lambda: first.session not in engine.pool.members)


async def test_a_session_whose_breaker_opens_in_its_turn_serves_no_other(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.min_size=1") as engine:

        class Opens:
            """Opens the breaker of the session that answers."""

            def started(self, session: str, _conversation: str) -> None:
                engine.breakers.watch(f"session:{session}")
                engine.breakers.control(f"session:{session}", "open", "ana")

            def delta(self, _text: str) -> None:
                """Ignored."""

            def dropped(self, _size: int) -> None:
                """Ignored."""

        first = await engine.submit(Request(prompt="one", user="ana"), Opens())
        again = await engine.submit(Request(prompt="two", user="ana"))
        assert again.session != first.session
