"""The way of a request, end to end on the simulator."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.base.errors import BadInput, DeadlinePassed, ErrorKind, NotFound, Overloaded, TurnFailed
from engine.dispatch.dispatcher import CONTINUE
from engine.events.types import EventEnvelope, RequestEnded, RequestRetrying
from engine.requests import Request
from tests.support.engines import running
from tests.support.processes import until

QUICK = ("retry.base_delay=10ms", "retry.max_delay=20ms")


class Heard:
    """A listener that keeps the text as a caller would."""

    def __init__(self) -> None:
        self.text = ""
        self.session = ""

    def started(self, session: str, conversation: str) -> None:
        assert conversation
        self.session = session

    def delta(self, text: str) -> None:
        self.text += text

    def dropped(self, size: int) -> None:
        self.text = self.text[: len(self.text) - size]


async def test_the_answer_grows_to_the_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        heard = Heard()
        answer = await engine.submit(Request(id="a", prompt="[[words: 50]]"), heard)
        assert heard.text == answer.text
        assert heard.session == answer.session
        assert answer.tokens_out > 0


async def test_a_passing_api_failure_is_retried_and_told(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK, "claude.max_retries=0", "session_pool.max_size=1") as engine:
        seen: list[EventEnvelope] = []
        engine.bus.listen(seen.append)
        answer = await engine.submit(Request(id="a", prompt="[[fault: http529 x1]] fine"))
        assert (answer.attempts, "fine" in answer.text) == (2, True)
        retry = next(stamped.event for stamped in seen if isinstance(stamped.event, RequestRetrying))
        assert retry.kind == "resource"


async def test_a_refused_key_is_not_retried_and_names_the_remedy(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as engine:
        with pytest.raises(TurnFailed) as caught:
            await engine.submit(Request(id="a", prompt="[[fault: http401_invalid_key]]"))
        assert (caught.value.kind, caught.value.code) == (ErrorKind.AUTH, "api_401")
        assert "claude login" in caught.value.remedy
        assert engine.bus.state.totals.retries == 0


async def test_the_breaker_opens_refuses_and_closes_again(tmp_path: Path) -> None:
    limits = ("circuit_breaker.failure_threshold=2", "circuit_breaker.timeout=300ms", "retry.max_attempts=1")
    async with running(tmp_path, *limits, "circuit_breaker.half_open_max_calls=1") as engine:
        for name in ("a", "b"):
            with pytest.raises(TurnFailed):
                await engine.submit(Request(id=name, prompt="[[fault: http500]]"))
        with pytest.raises(Overloaded, match="breaker") as caught:
            await engine.submit(Request(id="c", prompt="fine"))
        assert caught.value.retry_after is not None
        again = engine.clock.monotonic() + caught.value.retry_after
        assert engine.ready() == ["the breaker model:default is open"]
        await until(lambda: engine.clock.monotonic() > again)
        assert (await engine.submit(Request(id="d", prompt="fine"))).text == "Echo: fine"
        assert engine.bus.state.breakers["model:default"] == "closed"


async def test_a_request_may_wait_for_an_open_breaker_and_spends_no_attempt_on_it(tmp_path: Path) -> None:
    async with running(tmp_path, "retry.breaker_wait=60s", "retry.max_attempts=1") as engine:
        await engine.submit(Request(id="a", prompt="fine"))
        engine.breakers.control("model:default", "trip", "test")
        waiting = asyncio.create_task(engine.submit(Request(id="b", prompt="fine")))
        known = engine.dispatcher.active_requests
        await until(lambda: "b" in known and known["b"].retry.breaker_waited > 0)
        engine.breakers.control("model:default", "close", "test")
        assert (await waiting).attempts == 1
        assert engine.bus.state.totals.retries == 0


async def test_a_waiting_request_that_probes_in_vain_goes_on_waiting_and_spends_no_attempt(tmp_path: Path) -> None:
    limits = ("circuit_breaker.failure_threshold=2", "circuit_breaker.timeout=100ms", "retry.max_attempts=1")
    async with running(tmp_path, *limits, "retry.breaker_wait=60s", "retry.budget=0") as engine:
        for name in ("a", "b"):
            with pytest.raises(TurnFailed):
                await engine.submit(Request(id=name, prompt="[[fault: http500]]"))
        answer = await engine.submit(Request(id="c", prompt="[[fault: http500 x3]] fine"))
        assert (answer.text, answer.attempts) == ("Echo: fine", 1)
        assert len(engine.bus.state.errors) == 5


async def test_a_probe_in_vain_is_the_end_of_a_request_that_may_not_wait(tmp_path: Path) -> None:
    limits = ("circuit_breaker.failure_threshold=2", "circuit_breaker.timeout=100ms", "retry.max_attempts=1")
    async with running(tmp_path, *limits) as engine:
        for name in ("a", "b"):
            with pytest.raises(TurnFailed):
                await engine.submit(Request(id=name, prompt="[[fault: http500]]"))
        with pytest.raises(Overloaded) as caught:
            await engine.submit(Request(id="early", prompt="fine"))
        again = engine.clock.monotonic() + (caught.value.retry_after or 0.0)
        await until(lambda: engine.clock.monotonic() > again)
        with pytest.raises(TurnFailed):
            await engine.submit(Request(id="c", prompt="[[fault: http500 x3]] fine"))


async def test_a_turn_that_falls_silent_is_tried_again(tmp_path: Path) -> None:
    silence = ("session_pool.inactivity_timeout=300ms", "session_pool.max_size=1")
    async with running(tmp_path, *QUICK, *silence) as engine:
        answer = await engine.submit(Request(id="a", prompt="[[fault: stall_mid_default_40s x1]] fine"))
        assert (answer.attempts, answer.text) == (2, "Echo: fine")


async def test_equal_cacheable_requests_run_once(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        asked = [Request(id=f"r{n}", prompt="[[delay: 50ms]] same", cacheable=True) for n in range(4)]
        answers = await asyncio.gather(*(engine.submit(request) for request in asked))
        assert sorted(answer.cached for answer in answers) == [False, True, True, True]
        assert {answer.text for answer in answers} == {"Echo: same"}
        assert {answer.request for answer in answers} == {"r0", "r1", "r2", "r3"}
        assert engine.bus.state.totals.turns == 1
        assert not (await engine.submit(Request(id="x", prompt="[[delay: 50ms]] same"))).cached


async def test_a_deadline_is_kept_and_the_session_stays_usable(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        await engine.submit(Request(id="warm", prompt="x"))
        with pytest.raises(DeadlinePassed, match="deadline"):
            await engine.submit(Request(id="a", prompt="[[words: 900]] [[pace: 50ms]]", deadline=0.3))
        assert (await engine.submit(Request(id="b", prompt="next"))).text == "Echo: next"


async def test_the_queue_is_bounded(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1", "queue.max_waiting=1") as engine:
        running_ = asyncio.create_task(engine.submit(Request(id="a", prompt="[[delay: 300ms]]")))
        await until(lambda: engine.pool.statistics().active == 1)
        waiting = asyncio.create_task(engine.submit(Request(id="b", prompt="x")))
        await until(lambda: len(engine.queue) == 1)
        refused = Request(id="c", prompt="x", deadline=5.0)
        engine.live.propose({"retry.max_attempts": 1}, "test")
        with pytest.raises(Overloaded, match="wait already"):
            await engine.submit(refused)
        await asyncio.gather(running_, waiting)


async def test_a_killed_turn_goes_on_in_its_conversation_and_the_prompt_is_not_doubled(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as engine:
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
        os.kill(session.pid, signal.SIGKILL)
        answer = await task
        assert answer.attempts == 2
        assert answer.session != first.session
        sent = path.read_text()
        assert (sent.count('"[[history]]'), CONTINUE in sent) == (1, True)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": " "}, "prompt"),
        ({"priority": "soon"}, "priority"),
        ({"deadline": 0}, "deadline"),
        ({"profile": "nope"}, "profile"),
        ({"tenant": "other"}, "profile"),
    ],
)
async def test_bad_requests_name_their_field(tmp_path: Path, fields: dict[str, object], field: str) -> None:
    async with running(tmp_path) as engine:
        with pytest.raises((BadInput, NotFound)) as caught:
            await engine.submit(Request(**{"id": "a", "prompt": "x", **fields}))  # type: ignore[arg-type]
        assert caught.value.field == field
        assert caught.value.remedy


async def test_every_request_ends_in_exactly_one_record(tmp_path: Path) -> None:
    async with running(tmp_path, "retry.max_attempts=1") as engine:
        ends: list[str] = []
        engine.bus.listen(lambda s: ends.append(s.event.request) if isinstance(s.event, RequestEnded) else None)
        cancelled = asyncio.create_task(engine.submit(Request(id="c", prompt="[[delay: 5s]]")))
        results = await asyncio.gather(
            engine.submit(Request(id="a", prompt="x")),
            engine.submit(Request(id="b", prompt="[[fault: http500]]")),
            return_exceptions=True,
        )
        await until(lambda: "c" in engine.bus.state.requests and bool(engine.bus.state.requests["c"].session))
        cancelled.cancel()
        await asyncio.wait([cancelled])
        assert isinstance(results[1], TurnFailed)
        assert sorted(ends) == ["a", "b", "c"]
        assert engine.bus.state.requests == {}


@pytest.mark.parametrize("bug", [RuntimeError("a bug"), OSError(28, "No space left on device"), TimeoutError()])
async def test_whatever_is_raised_ends_the_request_and_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Exception
) -> None:
    async with running(tmp_path) as engine:
        told: list[RequestEnded] = []

        def hear(stamped: EventEnvelope) -> None:
            if isinstance(stamped.event, RequestEnded):
                told.append(stamped.event)

        async def broken(*_arguments: object, **_named: object) -> None:
            raise bug

        engine.bus.listen(hear)
        monkeypatch.setattr(engine.pool, "lease", broken)
        with pytest.raises(type(bug)):
            await engine.submit(Request(id="a", prompt="one"))
        assert engine.dispatcher.active_requests == {}
        assert [(end.request, end.ok, end.kind, end.code) for end in told] == [("a", False, "internal", "internal")]
        assert type(bug).__name__ in told[0].error
        monkeypatch.undo()
        assert (await engine.submit(Request(id="a", prompt="one"))).text


class Broken(Heard):
    """A listener whose terminal is gone."""

    def delta(self, text: str) -> None:
        raise OSError(5, "Input/output error")


async def test_a_listener_that_raises_ends_its_own_request_and_not_the_session(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        with pytest.raises(OSError, match="Input/output error"):
            await engine.submit(Request(id="a", prompt="[[words: 50]]"), Broken())
        assert engine.dispatcher.active_requests == {}
        assert (await engine.submit(Request(id="b", prompt="[[words: 5]]"))).text
        assert any(name.endswith("001") for name in engine.pool.sessions)
