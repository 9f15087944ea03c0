"""Idle sessions are paged out where memory is short: the one idle longest first, once, and never one at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.launchers.paging import Paging
from engine.pool.idle_paging import IdlePaging
from engine.pool.limits import PoolLimits, pool_limits
from engine.pool.session_index import IndexedSession
from engine.settings.load import load_settings
from tests.pool.pools import Conversation
from tests.support.engines import running
from tests.support.processes import until

KEY = ("t", "p", "")
LIMITS = pool_limits(load_settings(None, []).settings)
SHORT = 0.9


def idle(*last_used: float, engaged: bool = False) -> list[IndexedSession]:
    """Sessions that were used then."""
    return [IndexedSession(f"s{at:g}", KEY, idle=True, last_used=at, engaged=engaged) for at in last_used]


def due(sessions: list[IndexedSession], now: float, used: float = SHORT, limits: PoolLimits = LIMITS) -> str:
    """What is due with nothing paged out before."""
    return IdlePaging().due(sessions, now, used, limits)


def test_the_one_idle_longest_comes_first_and_none_before_its_time() -> None:
    assert due(idle(0.0, 10.0), 60.0) == "s0"
    assert due(idle(0.0, 10.0), 59.9) == ""
    assert due([], 60.0) == ""


@pytest.mark.parametrize(
    ("used", "changes"), [(0.69, {}), (SHORT, {"page_out_after": 0.0}), (0.9, {"page_out_above": 0.95})]
)
def test_nothing_is_paged_out_while_memory_is_enough_or_where_it_is_off(used: float, changes: dict[str, float]) -> None:
    assert due(idle(0.0), 1e6, used, replace(LIMITS, **changes)) == ""  # type: ignore[arg-type]


def test_one_that_works_by_itself_is_left_alone() -> None:
    assert due(idle(0.0, engaged=True), 1e6) == ""


def test_none_is_paged_out_twice_without_a_use_between() -> None:
    paging, sessions = IdlePaging(), idle(0.0, 10.0)
    assert [paging.due(sessions, 100.0, SHORT, LIMITS) for _ in range(3)] == ["s0", "s10", ""]
    sessions[0].last_used = 150.0
    again = [sessions[1], sessions[0]]
    assert [paging.due(again, now, SHORT, LIMITS) for now in (200.0, 210.0, 220.0)] == ["", "s0", ""]
    paging.keep([])
    assert paging.due(again, 230.0, SHORT, LIMITS) == "s10"


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sessions that the machine was asked to page out, on one that can."""
    asked: list[str] = []

    def page_out(_self: Paging, session: str, pids: Sequence[int], memory: int) -> bool:
        assert pids
        assert memory > 0
        asked.append(session)
        return len(asked) > 1  # the first order is refused

    monkeypatch.setattr(Paging, "missing", lambda _self: "")
    monkeypatch.setattr(Paging, "page_out", page_out)
    return asked


ALWAYS = ("session_pool.page_out_above=0", "session_pool.page_out_after=1ms")


async def test_an_engine_pages_its_idle_session_out_and_counts_what_was_done(tmp_path: Path, paged: list[str]) -> None:
    async with running(tmp_path, *ALWAYS, "session_pool.min_size=1", "session_pool.max_size=1") as engine:
        answer = await Conversation(engine).ask("hello")
        await until(lambda: paged)
        assert engine.pool.statistics().counts.page_outs == 0
        assert (await Conversation(engine).ask("again", answer.conversation)).session == answer.session
        await until(lambda: engine.pool.statistics().counts.page_outs)
        assert paged == [answer.session] * 2
        assert (await Conversation(engine).ask("[[history]]", answer.conversation)).session == answer.session


@pytest.mark.parametrize("off", ["session_pool.page_out_after=0", "session_pool.health_observe=true"])
async def test_an_engine_pages_nothing_out_where_that_is_off(tmp_path: Path, paged: list[str], off: str) -> None:
    async with running(tmp_path, *ALWAYS, off) as engine:
        await Conversation(engine).ask("hello")
        for _ in range(4):
            await engine.monitor.read()
    assert paged == []
