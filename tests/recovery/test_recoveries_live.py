"""Recovery on a running engine: killed sessions, refused credentials, used-up limits, left-overs, an own strategy."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from engine.base.errors import BadInput, BreakerOpen, NotFound, SettingsError, TurnFailed
from engine.dispatch.dispatcher import CONTINUE
from engine.engine import Engine
from engine.events.types import Notice, RecoveryEnded, RecoveryStarted
from engine.recovery.breakers.breaker_keys import CREDENTIAL_BREAKER
from engine.recovery.escalation import CLEAN, PARK, REAUTHENTICATE, REDUCE_LOAD, RESTART, RESUME
from engine.requests import Request
from tests.pool.pools import Conversation, RecordedEvents, idle
from tests.support.engines import loaded, running
from tests.support.processes import until

QUICK = ("retry.base_delay=10ms", "retry.max_delay=20ms", "claude.max_retries=0")
REFUSED = "[[fault: http401_invalid_key]]"
SPENT = "[[fault: oauth_quota_429_unified]]"
OWN_KEY = "profiles.other.environment.ANTHROPIC_API_KEY=sk-other"


def killed(engine: Engine, session: str) -> None:
    os.kill(engine.pool.session(session).pid, signal.SIGKILL)


async def test_a_killed_session_s_conversation_is_made_free_and_the_prompt_is_not_doubled(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as engine:
        told = RecordedEvents(engine)
        first = await engine.submit(Request(id="a", prompt="one"))
        again = Request(id="b", prompt="[[history]] [[delay: 1s]]", conversation=first.conversation)
        task = asyncio.create_task(engine.submit(again))
        await until(
            lambda: "b" in engine.dispatcher.active_requests and bool(engine.dispatcher.active_requests["b"].session)
        )
        session = engine.pool.session(first.session)
        path = engine.backend.transcript(session.profile, first.conversation)
        assert path is not None
        await until(lambda: session.last_uuid.encode() in path.read_bytes())
        killed(engine, first.session)
        answer = await task
        assert answer.attempts == 2
        sent = path.read_text()
        assert (sent.count('"[[history]]'), CONTINUE in sent) == (1, True)
        (started,), (ended,) = told.of(RecoveryStarted), told.of(RecoveryEnded)
        assert (started.strategy, started.target) == (RESUME, f"conversation:{first.conversation}")
        assert (started.error, ended.ok, ended.waiters) == ("b.1", True, 1)
        assert ended.reason == "the conversation can be resumed"
        row = next(row for row in engine.recoveries.statistics() if row["strategy"] == RESUME)
        assert (row["runs"], row["worked"], row["success_rate"]) == (1, 1, 1.0)
        assert 0 < row["mean"] < 10
        assert engine.recoveries.success_rate == 1.0


async def test_a_refused_credential_is_stopped_and_the_others_go_on(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK, OWN_KEY) as engine:
        told = RecordedEvents(engine)
        with pytest.raises(TurnFailed):
            await engine.submit(Request(id="a", prompt=REFUSED))
        await until(lambda: CREDENTIAL_BREAKER in engine.breakers.open_ones())
        with pytest.raises(BreakerOpen, match=r"forced open: stopped: Invalid API key") as refused:
            await engine.submit(Request(id="b", prompt="fine"))
        assert 0 < (refused.value.retry_after or 0) <= 300
        notice = next(each for each in told.of(Notice) if "is stopped" in each.text)
        assert f"quarterdeck breakers close {CREDENTIAL_BREAKER}" in notice.remedy
        assert (await engine.submit(Request(id="c", prompt="fine", profile="other"))).text == "Echo: fine"
        engine.breakers.control(CREDENTIAL_BREAKER, "close", "ana")
        assert (await engine.submit(Request(id="d", prompt="fine"))).text == "Echo: fine"
        assert [(each.strategy, each.ok) for each in told.of(RecoveryEnded)] == [(REAUTHENTICATE, True)]


async def test_a_stopped_credential_is_tried_again_by_one_call_after_its_time(tmp_path: Path) -> None:
    clocks = ("recovery.credential_hold=200ms", "circuit_breaker.half_open_max_calls=1", "retry.breaker_wait=30s")
    async with running(tmp_path, *QUICK, *clocks) as engine:
        with pytest.raises(TurnFailed):
            await engine.submit(Request(id="a", prompt=REFUSED))
        assert (await engine.submit(Request(id="b", prompt="fine"))).text == "Echo: fine"
        assert engine.breakers.open_ones() == []


async def test_a_refusal_from_before_a_person_closed_the_breaker_stops_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as engine:
        told = RecordedEvents(engine)
        asked = asyncio.create_task(engine.submit(Request(id="a", prompt=f"[[delay: 500ms]] {REFUSED}")))
        await until(
            lambda: "a" in engine.dispatcher.active_requests and bool(engine.dispatcher.active_requests["a"].session)
        )
        engine.breakers.control(CREDENTIAL_BREAKER, "trip", "ana")
        engine.breakers.control(CREDENTIAL_BREAKER, "close", "ana")
        with pytest.raises(TurnFailed):
            await asked
        await until(lambda: bool(told.of(RecoveryEnded)))
        assert told.of(RecoveryEnded)[0].reason == f"{CREDENTIAL_BREAKER} works again, so it is left alone"
        assert engine.breakers.open_ones() == []


async def test_a_used_up_limit_refuses_at_once_and_parks_the_credential(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as engine:
        told = RecordedEvents(engine)
        with pytest.raises(TurnFailed) as refused:
            await engine.submit(Request(id="a", prompt=SPENT))
        assert refused.value.retry_after == 60.0
        assert refused.value.remedy.startswith("Recovery gave up: the limit resets in ")
        assert engine.bus.state.totals.retries == 0
        await until(lambda: bool(told.of(RecoveryEnded)))
        with pytest.raises(BreakerOpen, match="parked") as parked:
            await engine.submit(Request(id="b", prompt="fine"))
        assert parked.value.parked
        assert told.of(RecoveryEnded)[0].strategy == PARK


async def test_parked_requests_wait_for_the_reset_and_wake_spread(tmp_path: Path) -> None:
    clocks = ("recovery.park_max=30s", "recovery.wake_spread=400ms", "circuit_breaker.half_open_max_calls=1")
    async with running(tmp_path, *QUICK, *clocks) as engine:
        engine.breakers.hold(CREDENTIAL_BREAKER, 0.3, "parked: the limit", parked=True)
        talk, ended = Conversation(engine), []
        resets = engine.clock.monotonic() + 0.3

        async def ask() -> None:
            await talk.ask("x")
            ended.append(engine.clock.monotonic())

        with pytest.raises(BreakerOpen):
            await engine.submit(Request(id="hasty", prompt="x", deadline=0.2))
        await asyncio.gather(*(ask() for _ in range(5)))
        assert len(ended) == 5
        assert min(ended) >= resets
        assert max(ended) - min(ended) > 0.02


async def test_an_overload_lowers_the_load_and_it_is_given_back(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK, "recovery.ease_interval=100ms", "session_pool.max_starting=8") as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        await idle(engine, 6)
        busy = [talk.begin("[[delay: 1s]]") for _ in range(5)]
        await until(lambda: engine.concurrency.running == 5)
        assert (await talk.ask("[[fault: http529 x1]] fine")).attempts == 2
        assert [each.strategy for each in told.of(RecoveryEnded)] == [REDUCE_LOAD]
        assert "3 may for now" in told.of(RecoveryEnded)[0].reason
        await asyncio.gather(*busy)
        await until(lambda: engine.concurrency.limit is None)
        assert engine.concurrency.running == 0


async def test_only_what_is_proven_ours_is_cleaned(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        alive = await Conversation(engine).ask("hello")
        ours = subprocess.Popen(["/bin/sleep", "60"], env=engine.containment.tags("s9999"), start_new_session=True)
        other = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
        state = engine.settings.engine.state_dir
        old, fresh, foreign = state / "engines/x.new", state / "engines/y.new", state / "kept.new"
        for path in (old, fresh, foreign):
            path.write_text("")
        os.utime(old, (0, 0))
        os.utime(foreign, (0, 0))
        try:
            ended = await engine.recoveries.execute(CLEAN, "engine", "ana")
            assert (ended.ok, ended.reason) == (True, "cleaned 1 processes, 0 zombies, 0 locks, 1 files")
            assert ours.wait(10) == -signal.SIGTERM
            assert other.poll() is None
            assert (old.exists(), fresh.exists(), foreign.exists()) == (False, True, True)
            assert (
                await Conversation(engine).ask("again", user="b", conversation=alive.conversation)
            ).session == alive.session
        finally:
            for process in (ours, other):
                process.kill()
                process.wait()


async def test_by_hand_a_session_is_replaced_and_its_conversation_lives_on(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.min_size=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        ended = await engine.recoveries.execute(RESTART, f"session:{first.session}", "ana")
        assert ended.ok
        assert first.session not in engine.pool.sessions
        assert (await talk.ask("two", first.conversation)).conversation == first.conversation
        view = engine.bus.state.recoveries[-1]
        assert (view.by, view.running, view.ok) == ("ana", False, True)
        with pytest.raises(NotFound):
            await engine.recoveries.execute(RESTART, "session:s9999", "ana")
        with pytest.raises(BadInput):
            await engine.recoveries.execute(RESTART, "weather", "ana")


async def test_a_turn_of_somebody_else_is_not_cut_by_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        talk = Conversation(engine)
        task = talk.begin("[[delay: 700ms]] done")
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        (name,) = engine.pool.sessions
        ended = await engine.recoveries.execute(RESTART, f"session:{name}", "ana")
        assert ended.reason == f"{name} gets no more work and ends with its turn"
        assert "done" in (await task).text
        await until(lambda: name not in engine.pool.sessions)


async def test_a_breaker_that_opens_runs_the_recovery_that_the_settings_name(tmp_path: Path) -> None:
    limits = ("circuit_breaker.failure_threshold=1", f"circuit_breaker.recovery={REDUCE_LOAD}", "retry.max_attempts=1")
    async with running(tmp_path, *QUICK, *limits) as engine:
        told = RecordedEvents(engine)
        with pytest.raises(TurnFailed):
            await engine.submit(Request(id="a", prompt="[[fault: http500]]"))
        await until(lambda: bool(told.of(RecoveryEnded)))
        (started,) = told.of(RecoveryStarted)
        assert (started.strategy, started.target, started.by) == (REDUCE_LOAD, "engine", "the breaker model:default")


async def test_in_observe_mode_the_engine_tells_what_it_would_do(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK, "recovery.observe=true") as engine:
        told = RecordedEvents(engine)
        with pytest.raises(TurnFailed):
            await engine.submit(Request(id="a", prompt=REFUSED))
        (ended,) = told.of(RecoveryEnded)
        assert (ended.observed, ended.reason) == (
            True,
            f"observed: {REAUTHENTICATE} would be run at {CREDENTIAL_BREAKER}",
        )
        assert (await engine.submit(Request(id="b", prompt="fine"))).text == "Echo: fine"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution on the path that offers a strategy by an entry point."""
    site = tmp_path / "site"
    (site / "mine-1.0.dist-info").mkdir(parents=True)
    (site / "mine-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (site / "mine-1.0.dist-info/entry_points.txt").write_text("[quarterdeck.strategies]\nprayer = praying:Prayer\n")
    (site / "praying.py").write_text(
        "from engine.recovery.strategies.base import RecoveryResult\n"
        "from engine.recovery.failure import TargetKind\n"
        "class Prayer:\n"
        "    target_kind, estimated_time = TargetKind.ENGINE, 0.5\n"
        "    def can_recover(self, failure): return True\n"
        "    async def execute(self, failure, ports): return RecoveryResult(True, 'prayed over ' + failure.request)\n"
    )
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("installed")
async def test_a_strategy_of_one_s_own_is_found_by_its_entry_point(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK, "recovery.strategies.resource/overloaded=prayer") as engine:
        told = RecordedEvents(engine)
        assert (await engine.submit(Request(id="a", prompt="[[fault: http529 x1]] fine"))).attempts == 2
        (ended,) = told.of(RecoveryEnded)
        assert (ended.strategy, ended.ok, ended.reason) == ("prayer", True, "prayed over a")
        assert engine.concurrency.limit is None
        engine.live.propose({"recovery.strategies.resource/overloaded": "none"}, "ana")
        assert (await engine.submit(Request(id="b", prompt="[[fault: http529 x2]] fine"))).attempts == 3
        assert len(told.of(RecoveryEnded)) == 1
        engine.live.propose({"recovery.strategies.resource/overloaded": None}, "ana")
        assert engine.settings.recovery.strategies == {}


async def test_an_unknown_strategy_is_named_refused_and_nothing_is_stopped(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        before = await Conversation(engine).ask("hello")
        for key in ("recovery.strategies.network", "circuit_breaker.recovery"):
            with pytest.raises(SettingsError) as refused:
                engine.live.propose({key: "restart_proces", "session_pool.max_size": 7}, "ana")
            assert f"{key}: there is no recovery strategy 'restart_proces'; the nearest is restart_process" in str(
                refused.value
            )
        assert engine.settings.session_pool.max_size == 10
        assert before.session in engine.pool.sessions
        assert (await Conversation(engine).ask("again", before.conversation, user="b")).session == before.session
    with pytest.raises(SettingsError, match="there is no recovery strategy 'nonsense'"):
        Engine(loaded(tmp_path, "recovery.strategies.network=nonsense"))
