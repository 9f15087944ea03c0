"""The way of a request, top to bottom:

cache lookup (single-flight) → admission → circuit breaker → lease from the pool → turn in the session
→ result | error → classify → retry with backoff → recover, watch the result → answer, record
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from engine.backends.base import SIMULATOR, Profile
from engine.backends.directories import allowed_directory
from engine.base.clock import Clock
from engine.base.deadline import deadline
from engine.base.errors import (
    BadInput,
    BreakerOpen,
    DeadlinePassed,
    ErrorKind,
    NotFound,
    QuarterdeckError,
    TurnInterrupted,
)
from engine.base.text import one_line
from engine.cache.memory import MemoryCache
from engine.cache.single_flight import SingleFlight
from engine.dispatch.active_request import ActiveRequest
from engine.events.bus import Bus
from engine.events.types import RequestEnded, RequestRetrying, RequestWaiting
from engine.flow.admission import Admission
from engine.flow.concurrency_limit import ConcurrencyLimiter
from engine.pool.lease import Lease
from engine.pool.pool import Pool
from engine.pool.routing import LeaseRequest
from engine.recovery.breakers.breaker_keys import breaker_keys
from engine.recovery.breakers.guard import BreakerGuard, GuardedCall, blamed_scope
from engine.recovery.classify.outcome_errors import EMPTY
from engine.recovery.escalation import PARK
from engine.recovery.orchestrator import Orchestrator
from engine.recovery.retry.budget import Budget
from engine.recovery.retry.policy import AttemptFacts, RetryDecision, RetryPolicy, decide, give_up, wait_at_breaker
from engine.recovery.run import EscalationState
from engine.requests import Answer, AnswerStream, NullStream, Request
from engine.sessions.outcome import Outcome
from engine.sessions.session import Session
from engine.sessions.turn import TurnOrder

CONTINUE = "Continue from where you left off."
"""Sent instead of a prompt that the resumed conversation already holds, so that it is not doubled."""
_NEVER_S = 1e9
_INTERRUPT_S = 5.0
"""Time in which an interrupted turn must end; then its request is ended all the same."""
_MEMORY = 0.1
"""Weight of the newest attempt in the share of attempts that fail of late."""


@dataclass(frozen=True)
class DispatcherPorts:
    """The parts on the way of a request.

    `load` is the pool's utilisation. `profile` finds a profile by name for a tenant; `holds_prompt` tells whether a
    conversation's transcript has the user line with a uuid already; `error_of` makes the error of an outcome that is
    no answer.
    """

    bus: Bus
    clock: Clock
    cache: MemoryCache[Answer]
    admission: Admission
    limiter: ConcurrencyLimiter
    gate: BreakerGuard
    recoveries: Orchestrator
    pool: Pool
    retry: Callable[[], RetryPolicy]
    budget: Budget
    load: Callable[[], float]
    profile: Callable[[str, str], Profile]
    holds_prompt: Callable[[Profile, str, str], bool]
    error_of: Callable[[Outcome], QuarterdeckError]


class Dispatcher:
    """Owner of the requests on their way."""

    def __init__(self, ports: DispatcherPorts, rng: random.Random) -> None:
        self._ports = ports
        self._chance = rng
        self._answers: SingleFlight[Answer] = SingleFlight()
        self._failing = 0.0
        self.active_requests: dict[str, ActiveRequest] = {}

    async def dispatch(self, request: Request, listener: AnswerStream | None = None) -> Answer:
        """Answer a request, or raise the QuarterdeckError that says why not. Either is recorded."""
        active = self._enter(request)
        answer: Answer | None = None
        failure: BaseException | None = None
        try:
            self._ports.bus.publish(request.queued_event())
            async with deadline(self._ports.clock, request.deadline):
                answer = await self._look_up(active, listener or NullStream())
        except BaseException as error:
            failure = _reported(active, error)
            if failure is error:
                raise
            raise failure from None
        else:
            return answer
        finally:
            self._record(active, answer=answer, error=failure)

    def cancel(self, request: str, who: str) -> None:
        """End a request wherever it is; its caller is told by whom. Raises NotFound."""
        active = self.active_requests.get(request)
        if active is None or active.task is None:
            remedy = "It has ended already; `quarterdeck queue` lists those on their way."
            raise NotFound(f"There is no request {request} on its way.", field="request", remedy=remedy)
        if not active.cancelled_by:
            active.cancelled_by = who
            active.task.cancel()

    def cancel_of(self, session: str, who: str) -> list[str]:
        """End the requests that run in a session; their callers are told by whom. Returns their ids."""
        mine = [name for name, active in self.active_requests.items() if active.session == session]
        for name in mine:
            self.cancel(name, who)
        return mine

    def interrupt(self, session: Session, who: str) -> bool:
        """End the turn in a session, and its request with it: it is not run again. False when there is none."""
        active = next((each for each in self.active_requests.values() if each.session == session.id), None)
        asked = session.interrupt()
        if active is None or active.interrupted_by:
            return asked or active is not None
        active.interrupted_by = who
        if asked:
            loop, name = asyncio.get_running_loop(), active.request.id
            active.watch = loop.call_later(_INTERRUPT_S, self._cancel_quietly, name, who)
        else:  # it holds the session and its turn has not begun
            self.cancel(active.request.id, who)
        return True

    def check(self, request: Request) -> Profile:
        """The request's profile. Raises BadInput, NotFound or Forbidden for what would be refused at once."""
        request.check()
        profile = self._ports.profile(request.profile, request.tenant)
        if request.cwd:
            allowed_directory(profile, request.cwd)
        if request.id in self.active_requests:
            raise BadInput(f"A request {request.id} is on its way already.", field="id", remedy="Use a fresh id.")
        return profile

    # cache lookup, single-flight

    async def _look_up(self, active: ActiveRequest, listener: AnswerStream) -> Answer:
        key = active.request.cache_key(active.profile.fingerprint)
        if not key:
            return await self._until_answered(active, listener)
        known = self._ports.cache.get(key, self._now()) or await self._answers.join(key)
        if known is not None:
            return self._from_cache(active, known)
        try:
            answer = await self._until_answered(active, listener)
        except QuarterdeckError as error:  # the same request would fail for the others too, unless this one was ended
            self._answers.land(key, error=None if isinstance(error, TurnInterrupted) else error)
            raise
        except BaseException:
            self._answers.land(key)
            raise
        keeps = answer.text.strip() and not answer.denials
        if keeps:
            self._ports.cache.put(key, answer, len(answer.text.encode()) + len(key), self._now())
        self._answers.land(key, answer if keeps else None)
        return answer

    # attempts, with retry and backoff between them

    async def _until_answered(self, active: ActiveRequest, listener: AnswerStream) -> Answer:
        while True:
            active.attempts += 1
            try:
                answer = await self._attempt(active, listener)
            except BreakerOpen as error:
                await self._wait_at_breaker(active, error)
            except QuarterdeckError as error:
                if active.interrupted_by:
                    raise _interrupted(active, error) from None
                self._failing += (1 - self._failing) * _MEMORY
                if not (active.was_probe and await self._waits_on(active, error)):
                    await self._back_off(active, error)
                await self._choose_prompt(active)
            else:
                self._failing *= 1 - _MEMORY
                return answer

    async def _attempt(self, active: ActiveRequest, listener: AnswerStream) -> Answer:
        active.attempted_at, active.session = self._now(), ""
        active.profile = self._ports.profile(active.request.profile, active.request.tenant)
        call = self._ports.gate.call(breaker_keys(active.profile))
        try:
            with call:
                outcome, session = await self._called(active, listener, call)
        except QuarterdeckError:
            active.was_probe = call.probes
            raise
        self._ports.budget.worked(active.cost)
        return self._answer(active, outcome, session)

    async def _called(
        self, active: ActiveRequest, listener: AnswerStream, call: GuardedCall
    ) -> tuple[Outcome, Session]:
        await self._place(active)
        try:
            outcome, session = await self._leased(active, listener, call)
        finally:
            self._hold_for_person(active, waiting=False)
            self._ports.limiter.leave()
        if not outcome.ok:
            raise self._ports.error_of(outcome)
        return outcome, session

    async def _leased(
        self, active: ActiveRequest, listener: AnswerStream, call: GuardedCall
    ) -> tuple[Outcome, Session]:
        lease = await self._lease(active)
        try:
            call.start()
            outcome = await self._turn(active, lease, listener, call.answered)
            self._ports.gate.turn_ended(lease.session.id, outcome)
        finally:
            self._ports.pool.release(lease)
        return outcome, lease.session

    # admission and lease

    async def _place(self, active: ActiveRequest) -> None:
        limiter = self._ports.limiter
        with self._waiting(active, f"a place: {limiter.limit} requests may run at once for now"):
            await limiter.enter(active.request.priority)

    async def _lease(self, active: ActiveRequest) -> Lease:
        with self._waiting(active, "a session"):
            return await self._ports.pool.lease(_lease_request(active), on_wait=partial(self._waits_for, active))

    @contextlib.contextmanager
    def _waiting(self, active: ActiveRequest, why: str) -> Iterator[None]:
        """The request waits in the queue, which counts and says for what."""
        self._ports.admission.enter()
        since, active.waits_for = self._now(), why
        try:
            yield
        finally:
            self._ports.admission.leave()
            active.queued += self._now() - since
            active.waits_for = ""

    def _waits_for(self, active: ActiveRequest, why: str) -> None:
        active.waits_for = why

    def _hold_for_person(self, active: ActiveRequest, *, waiting: bool) -> None:
        """While a person is waited for, the request holds no place among those that run."""
        if waiting is active.waits_for_person:
            return
        active.waits_for_person = waiting
        active.waits_for = "an approval" if waiting else ""
        if waiting:
            self._ports.limiter.leave()
        else:
            self._ports.limiter.go_on()

    def publish_waits(self) -> None:
        """Publish for what each request waits, where that changed; once a second."""
        for active in self.active_requests.values():
            if active.waits_for != active.published_wait:
                active.published_wait = active.waits_for
                self._ports.bus.publish(RequestWaiting(request=active.request.id, reason=active.waits_for))

    # turn in the session

    async def _turn(
        self, active: ActiveRequest, lease: Lease, listener: AnswerStream, on_answer: Callable[[], None]
    ) -> Outcome:
        session, request = lease.session, active.request
        active.session = session.id
        if lease.clear:
            await session.clear()
        _check_directory(active, session)
        active.held = session.conversation
        active.text.clear()
        self._ports.pool.hold(lease, session.conversation, request.user)
        listener.started(session.id, session.conversation)

        def grow(text: str) -> None:
            active.text.append(text)
            with _fenced(active):
                listener.delta(text)

        def drop(size: int) -> None:
            with _fenced(active):
                listener.dropped(size)

        order = TurnOrder(
            request=request.id,
            prompt=active.prompt,
            user=request.user,
            attempt=active.attempts,
            commands=request.commands,
            on_delta=grow,
            on_drop=drop,
            on_answer=on_answer,
            on_person=partial(self._on_person, active),
            permission_timeout=request.permission_timeout,
        )
        try:
            return await session.run(order)
        finally:
            active.uuid, active.silent = session.last_uuid, session.last_silence

    def _on_person(self, active: ActiveRequest, waiting: bool) -> None:
        self._hold_for_person(active, waiting=waiting)

    # classify → retry with backoff → recover

    async def _back_off(self, active: ActiveRequest, error: QuarterdeckError) -> None:
        recoveries, most = self._ports.recoveries, self._ports.retry().park_max
        failure = active.failure(error, self._now(), most)
        error.retryable = error.retryable and not (error.code == EMPTY and active.was_empty)
        active.was_empty = active.was_empty or error.code == EMPTY
        escalation = active.escalation = active.escalation or EscalationState()
        follows = recoveries.choose(failure, escalation)
        decision = give_up(follows.final) if follows.final else self._decide(active, error)
        self._ports.bus.publish(failure.seen_event(error, again=decision.again))
        recoveries.begin(follows.strategy, failure, escalation if decision.again else None)
        if decision.again:
            active.may_wait = active.may_wait or follows.strategy == PARK
            await self._sleep(active, error, decision)
            await recoveries.recovered(failure, escalation)
        await asyncio.sleep(0)  # what takes no time is done before the caller hears of the failure
        error.remedy = (
            f"Recovery gave up: {escalation.why}. {error.remedy}".rstrip() if escalation.why else error.remedy
        )
        if escalation.why or not decision.again:
            error.given_up = escalation.why or decision.reason
            raise error

    def _decide(self, active: ActiveRequest, error: QuarterdeckError) -> RetryDecision:
        tried = AttemptFacts(
            active.attempts,
            acted=error.acted and not active.request.idempotent,
            left=active.deadline - self._now(),
            last_delay=active.delay,
            load=self._ports.load(),
            failing=self._failing,
        )
        return decide(self._ports.retry(), error, tried, self._ports.budget, self._chance.uniform)

    async def _sleep(self, active: ActiveRequest, error: QuarterdeckError, decision: RetryDecision) -> None:
        active.delay, active.cost = decision.delay, decision.cost
        self._ports.bus.publish(
            RequestRetrying(
                request=active.request.id,
                attempt=active.attempts,
                delay=decision.delay,
                kind=error.kind.value,
                reason=one_line(decision.reason),
            )
        )
        active.waits_for = f"attempt {active.attempts + 1}: {one_line(decision.reason)}"
        await asyncio.sleep(decision.delay)
        active.waits_for = ""

    async def _wait_at_breaker(self, active: ActiveRequest, error: BreakerOpen) -> None:
        """No call was made: the request waits a while, or is refused."""
        retry, uniform, parked = self._ports.retry(), self._chance.uniform, error.parked
        wait = wait_at_breaker(
            retry, error.retry_after, active.parked, uniform, may_wait=active.may_wait, parked=parked
        )
        if wait is None or (parked and wait > active.deadline - self._now()):
            raise error
        active.attempts -= 1
        active.parked += wait
        active.may_wait = active.may_wait or parked
        active.waits_for = one_line(error.message)
        await asyncio.sleep(wait)
        active.waits_for = ""

    async def _waits_on(self, active: ActiveRequest, error: QuarterdeckError) -> bool:
        """A probe that failed tells of the breaker: its request waits on, as it would had another one been sent."""
        retry, acted = self._ports.retry(), error.acted and not active.request.idempotent
        wait = wait_at_breaker(retry, 0.0, active.parked, self._chance.uniform, may_wait=active.may_wait)
        if wait is None or acted or not error.retryable or not blamed_scope(error):
            return False
        failure = active.failure(error, self._now(), retry.park_max)
        self._ports.bus.publish(failure.seen_event(error, again=True))
        active.attempts -= 1
        active.parked += wait
        await asyncio.sleep(wait)
        return True

    async def _choose_prompt(self, active: ActiveRequest) -> None:
        """A prompt that the conversation has already is not sent twice."""
        if not active.conversation or not active.uuid:
            return
        if await asyncio.to_thread(self._ports.holds_prompt, active.profile, active.conversation, active.uuid):
            active.prompt = CONTINUE

    # answer, record

    def _answer(self, active: ActiveRequest, outcome: Outcome, session: Session) -> Answer:
        return Answer(
            request=active.request.id,
            text=outcome.text,
            conversation=session.conversation,
            cwd=str(session.cwd),
            session=active.session,
            duration=self._now() - active.began,
            queued=active.queued,
            attempts=active.attempts,
            denials=outcome.denials,
            tokens_in=outcome.usage.input_tokens,
            tokens_out=outcome.usage.output_tokens,
            tokens_cached=outcome.usage.cache_read_input_tokens,
            tokens_cache_written=outcome.usage.cache_creation_input_tokens,
            cost=outcome.cost,
            simulated=active.profile.backend == SIMULATOR,
        )

    def _from_cache(self, active: ActiveRequest, known: Answer) -> Answer:
        """Another request's answer, whose conversation and session are that one's alone; nothing was spent."""
        took = self._now() - active.began
        mine = replace(known, request=active.request.id, cached=True, duration=took, queued=0.0, cost=0.0)
        return replace(mine, conversation="", session="", cwd="", tokens_in=0, tokens_out=0, tokens_cached=0)

    def _enter(self, request: Request) -> ActiveRequest:
        profile, now = self.check(request), self._now()
        deadline = now + (request.deadline if request.deadline is not None else _NEVER_S)
        active = ActiveRequest(request, profile, now, deadline, request.conversation, request.prompt)
        active.directory = allowed_directory(profile, request.cwd) if request.cwd else None
        active.task = asyncio.current_task()
        self.active_requests[request.id] = active
        return active

    def _record(
        self, active: ActiveRequest, *, answer: Answer | None = None, error: BaseException | None = None
    ) -> None:
        self.active_requests.pop(active.request.id, None)
        if active.watch is not None:
            active.watch.cancel()
        try:
            if active.escalation is not None:
                self._ports.recoveries.closed(active.escalation, worked=True if answer is not None else None)
        finally:
            self._publish_end(active, answer, error)

    def _publish_end(self, active: ActiveRequest, answer: Answer | None, error: BaseException | None) -> None:
        kind, code, sentence = _recorded(error)
        self._ports.bus.publish(
            RequestEnded(
                request=active.request.id,
                user=active.request.user,
                ok=answer is not None,
                duration=self._now() - active.began,
                queued=active.queued,
                attempts=active.attempts,
                cached=answer is not None and answer.cached,
                kind=kind,
                code=code,
                error=sentence,
            )
        )

    def _cancel_quietly(self, request: str, who: str) -> None:
        with contextlib.suppress(NotFound):  # it has ended meanwhile
            self.cancel(request, who)

    def _now(self) -> float:
        return self._ports.clock.monotonic()


def _interrupted(active: ActiveRequest, error: QuarterdeckError) -> TurnInterrupted:
    """Whatever ended the attempt, the request ends with it: somebody asked for that."""
    sentence, remedy = f"The turn was interrupted by {active.interrupted_by}.", "Send the prompt again to go on."
    told = TurnInterrupted(sentence, remedy=remedy)
    told.partial = error.partial or "".join(active.text)
    return told


def _lease_request(active: ActiveRequest) -> LeaseRequest:
    """A new conversation in a directory that was named is known by its id before it begins."""
    user, directory = active.request.user, active.directory
    if directory is None or active.conversation:
        return LeaseRequest(active.profile, user, active.conversation, priority=active.request.priority)
    return LeaseRequest(active.profile, user, str(uuid.uuid4()), directory, active.request.priority)


def _check_directory(active: ActiveRequest, session: Session) -> None:
    """Raises BadInput when a conversation works elsewhere than its request says."""
    if active.directory is not None and session.cwd != active.directory:
        raise BadInput(
            f"Conversation {session.conversation} works in {session.cwd}, not in {active.directory}.",
            field="cwd",
            remedy="Leave the directory out, or begin a new conversation in it.",
        )


def _withdrawn(active: ActiveRequest) -> TurnInterrupted:
    """The caller's task goes on: the cancellation was meant for the request alone."""
    if active.task is not None:
        active.task.uncancel()
    return TurnInterrupted(f"The request was cancelled by {active.cancelled_by}.", remedy="Send the prompt again.")


@contextlib.contextmanager
def _fenced(active: ActiveRequest) -> Iterator[None]:
    """What a caller's listener raises ends that caller's request, not the session that talks to it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a listener is the caller's code
        if active.fault is None and active.task is not None:
            active.fault = error
            active.task.cancel()


def _reported(active: ActiveRequest, error: BaseException) -> BaseException:
    """What the caller is to get for what ended the request."""
    if active.fault is not None and isinstance(error, asyncio.CancelledError):
        if active.task is not None:
            active.task.uncancel()
        return active.fault
    if active.cancelled_by and isinstance(error, QuarterdeckError | asyncio.CancelledError):
        return _withdrawn(active)
    limit = active.request.deadline
    if isinstance(error, TimeoutError) and limit is not None:
        return DeadlinePassed(f"The request's deadline of {limit:g} s passed.", remedy="Allow more time.")
    return error


def _recorded(error: BaseException | None) -> tuple[str, str, str]:
    """Kind, code and sentence of what ended a request, for its record."""
    if error is None:
        return "", "", ""
    if isinstance(error, QuarterdeckError):
        return error.kind.value, error.code, one_line(error.message)
    if isinstance(error, asyncio.CancelledError):
        return "", "cancelled", "the caller left"
    return ErrorKind.INTERNAL.value, QuarterdeckError.code, one_line(f"the engine failed: {error!r}")
