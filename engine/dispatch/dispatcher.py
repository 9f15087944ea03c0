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
from engine.recovery.failure import EscalationState
from engine.recovery.orchestrator import Orchestrator
from engine.recovery.retry.budget import Budget
from engine.recovery.retry.policy import AttemptFacts, RetryDecision, RetryPolicy, decide, give_up, wait_at_breaker
from engine.requests import ActiveRequest, Answer, AnswerStream, NullStream, Request
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
    easing: ConcurrencyLimiter
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

    def __init__(self, ports: DispatcherPorts, chance: random.Random) -> None:
        self._ports = ports
        self._chance = chance
        self._answers: SingleFlight[Answer] = SingleFlight()
        self._failing = 0.0
        self.flights: dict[str, ActiveRequest] = {}

    async def dispatch(self, request: Request, listener: AnswerStream | None = None) -> Answer:
        """Answer a request, or raise the QuarterdeckError that says why not. Either is recorded."""
        flight = self._enter(request)
        answer: Answer | None = None
        failure: BaseException | None = None
        try:
            self._ports.bus.publish(request.queued_event())
            async with deadline(self._ports.clock, request.deadline):
                answer = await self._look_up(flight, listener or NullStream())
        except BaseException as error:
            failure = _reported(flight, error)
            if failure is error:
                raise
            raise failure from None
        else:
            return answer
        finally:
            self._record(flight, answer=answer, error=failure)

    def cancel(self, request: str, who: str) -> None:
        """End a request wherever it is; its caller is told by whom. Raises NotFound."""
        flight = self.flights.get(request)
        if flight is None or flight.task is None:
            remedy = "It has ended already; `quarterdeck queue` lists those on their way."
            raise NotFound(f"There is no request {request} on its way.", field="request", remedy=remedy)
        if not flight.cancelled_by:
            flight.cancelled_by = who
            flight.task.cancel()

    def cancel_of(self, session: str, who: str) -> list[str]:
        """End the requests that run in a session; their callers are told by whom. Returns their ids."""
        mine = [name for name, flight in self.flights.items() if flight.session == session]
        for name in mine:
            self.cancel(name, who)
        return mine

    def interrupt(self, session: Session, who: str) -> bool:
        """End the turn in a session, and its request with it: it is not run again. False when there is none."""
        flight = next((each for each in self.flights.values() if each.session == session.id), None)
        asked = session.interrupt()
        if flight is None or flight.interrupted_by:
            return asked or flight is not None
        flight.interrupted_by = who
        if asked:
            loop, name = asyncio.get_running_loop(), flight.request.id
            flight.watch = loop.call_later(_INTERRUPT_S, self._cancel_quietly, name, who)
        else:  # it holds the session and its turn has not begun
            self.cancel(flight.request.id, who)
        return True

    def check(self, request: Request) -> Profile:
        """The request's profile. Raises BadInput, NotFound or Forbidden for what would be refused at once."""
        request.check()
        profile = self._ports.profile(request.profile, request.tenant)
        if request.cwd:
            allowed_directory(profile, request.cwd)
        if request.id in self.flights:
            raise BadInput(f"A request {request.id} is on its way already.", field="id", remedy="Use a fresh id.")
        return profile

    # cache lookup, single-flight

    async def _look_up(self, flight: ActiveRequest, listener: AnswerStream) -> Answer:
        key = flight.request.cache_key(flight.profile.fingerprint)
        if not key:
            return await self._until_answered(flight, listener)
        known = self._ports.cache.get(key, self._now()) or await self._answers.join(key)
        if known is not None:
            return self._from_cache(flight, known)
        try:
            answer = await self._until_answered(flight, listener)
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

    async def _until_answered(self, flight: ActiveRequest, listener: AnswerStream) -> Answer:
        while True:
            flight.attempts += 1
            try:
                answer = await self._attempt(flight, listener)
            except BreakerOpen as error:
                await self._wait_at_breaker(flight, error)
            except QuarterdeckError as error:
                if flight.interrupted_by:
                    raise _interrupted(flight, error) from None
                self._failing += (1 - self._failing) * _MEMORY
                if not (flight.probed and await self._waits_on(flight, error)):
                    await self._back_off(flight, error)
                await self._choose_prompt(flight)
            else:
                self._failing *= 1 - _MEMORY
                return answer

    async def _attempt(self, flight: ActiveRequest, listener: AnswerStream) -> Answer:
        flight.attempted_at, flight.session = self._now(), ""
        flight.profile = self._ports.profile(flight.request.profile, flight.request.tenant)
        call = self._ports.gate.call(breaker_keys(flight.profile))
        try:
            with call:
                outcome, session = await self._called(flight, listener, call)
        except QuarterdeckError:
            flight.probed = call.probes
            raise
        self._ports.budget.worked(flight.cost)
        return self._answer(flight, outcome, session)

    async def _called(
        self, flight: ActiveRequest, listener: AnswerStream, call: GuardedCall
    ) -> tuple[Outcome, Session]:
        await self._place(flight)
        try:
            outcome, session = await self._leased(flight, listener, call)
        finally:
            self._hold_for_person(flight, waiting=False)
            self._ports.easing.leave()
        if not outcome.ok:
            raise self._ports.error_of(outcome)
        return outcome, session

    async def _leased(
        self, flight: ActiveRequest, listener: AnswerStream, call: GuardedCall
    ) -> tuple[Outcome, Session]:
        lease = await self._lease(flight)
        try:
            call.began()
            outcome = await self._turn(flight, lease, listener, call.answered)
            self._ports.gate.turn_ended(lease.session.id, outcome)
        finally:
            self._ports.pool.release(lease)
        return outcome, lease.session

    # admission and lease

    async def _place(self, flight: ActiveRequest) -> None:
        easing = self._ports.easing
        with self._waiting(flight, f"a place: {easing.cap} requests may run at once for now"):
            await easing.enter(flight.request.priority)

    async def _lease(self, flight: ActiveRequest) -> Lease:
        with self._waiting(flight, "a session"):
            return await self._ports.pool.lease(_wish(flight), on_wait=partial(self._waits_for, flight))

    @contextlib.contextmanager
    def _waiting(self, flight: ActiveRequest, why: str) -> Iterator[None]:
        """The request waits in the queue, which counts and says for what."""
        self._ports.admission.enter()
        since, flight.waits_for = self._now(), why
        try:
            yield
        finally:
            self._ports.admission.leave()
            flight.queued += self._now() - since
            flight.waits_for = ""

    def _waits_for(self, flight: ActiveRequest, why: str) -> None:
        flight.waits_for = why

    def _hold_for_person(self, flight: ActiveRequest, *, waiting: bool) -> None:
        """While a person is waited for, the request holds no place among those that run."""
        if waiting is flight.waits_for_person:
            return
        flight.waits_for_person = waiting
        flight.waits_for = "an approval" if waiting else ""
        if waiting:
            self._ports.easing.leave()
        else:
            self._ports.easing.go_on()

    def publish_waits(self) -> None:
        """Publish for what each request waits, where that changed; once a second."""
        for flight in self.flights.values():
            if flight.waits_for != flight.published_wait:
                flight.published_wait = flight.waits_for
                self._ports.bus.publish(RequestWaiting(request=flight.request.id, reason=flight.waits_for))

    # turn in the session

    async def _turn(
        self, flight: ActiveRequest, lease: Lease, listener: AnswerStream, on_answer: Callable[[], None]
    ) -> Outcome:
        session, request = lease.session, flight.request
        flight.session = session.id
        if lease.clear:
            await session.clear()
        _check_directory(flight, session)
        flight.held = session.conversation
        flight.text.clear()
        self._ports.pool.hold(lease, session.conversation, request.user)
        listener.started(session.id, session.conversation)

        def grow(text: str) -> None:
            flight.text.append(text)
            with _fenced(flight):
                listener.delta(text)

        def drop(size: int) -> None:
            with _fenced(flight):
                listener.dropped(size)

        order = TurnOrder(
            request=request.id,
            prompt=flight.prompt,
            user=request.user,
            attempt=flight.attempts,
            commands=request.commands,
            on_delta=grow,
            on_drop=drop,
            on_answer=on_answer,
            on_person=partial(self._on_person, flight),
            permission_timeout=request.permission_timeout,
        )
        try:
            return await session.run(order)
        finally:
            flight.uuid, flight.silent = session.last_uuid, session.last_silence

    def _on_person(self, flight: ActiveRequest, waiting: bool) -> None:
        self._hold_for_person(flight, waiting=waiting)

    # classify → retry with backoff → recover

    async def _back_off(self, flight: ActiveRequest, error: QuarterdeckError) -> None:
        recoveries, most = self._ports.recoveries, self._ports.retry().park_max
        trouble = flight.trouble(error, self._now(), most)
        error.retryable = error.retryable and not (error.code == EMPTY and flight.was_empty)
        flight.was_empty = flight.was_empty or error.code == EMPTY
        case = flight.case = flight.case or EscalationState()
        follows = recoveries.choose(trouble, case)
        decision = give_up(follows.final) if follows.final else self._decide(flight, error)
        self._ports.bus.publish(trouble.seen_event(error, again=decision.again))
        recoveries.begin(follows.strategy, trouble, case if decision.again else None)
        if decision.again:
            flight.patient = flight.patient or follows.strategy == PARK
            await self._sleep(flight, error, decision)
            await recoveries.recovered(trouble, case)
        await asyncio.sleep(0)  # what takes no time is done before the caller hears of the failure
        error.remedy = f"Recovery gave up: {case.why}. {error.remedy}".rstrip() if case.why else error.remedy
        if case.why or not decision.again:
            error.given_up = case.why or decision.reason
            raise error

    def _decide(self, flight: ActiveRequest, error: QuarterdeckError) -> RetryDecision:
        tried = AttemptFacts(
            flight.attempts,
            acted=error.acted and not flight.request.idempotent,
            left=flight.deadline - self._now(),
            last_delay=flight.delay,
            load=self._ports.load(),
            failing=self._failing,
        )
        return decide(self._ports.retry(), error, tried, self._ports.budget, self._chance.uniform)

    async def _sleep(self, flight: ActiveRequest, error: QuarterdeckError, decision: RetryDecision) -> None:
        flight.delay, flight.cost = decision.delay, decision.cost
        self._ports.bus.publish(
            RequestRetrying(
                request=flight.request.id,
                attempt=flight.attempts,
                delay=decision.delay,
                kind=error.kind.value,
                reason=one_line(decision.reason),
            )
        )
        flight.waits_for = f"attempt {flight.attempts + 1}: {one_line(decision.reason)}"
        await asyncio.sleep(decision.delay)
        flight.waits_for = ""

    async def _wait_at_breaker(self, flight: ActiveRequest, error: BreakerOpen) -> None:
        """No call was made: the request waits a while, or is refused."""
        retry, uniform, parked = self._ports.retry(), self._chance.uniform, error.parked
        wait = wait_at_breaker(retry, error.retry_after, flight.parked, uniform, patient=flight.patient, parked=parked)
        if wait is None or (parked and wait > flight.deadline - self._now()):
            raise error
        flight.attempts -= 1
        flight.parked += wait
        flight.patient = flight.patient or parked
        flight.waits_for = one_line(error.message)
        await asyncio.sleep(wait)
        flight.waits_for = ""

    async def _waits_on(self, flight: ActiveRequest, error: QuarterdeckError) -> bool:
        """A probe that failed tells of the breaker: its request waits on, as it would had another one been sent."""
        retry, acted = self._ports.retry(), error.acted and not flight.request.idempotent
        wait = wait_at_breaker(retry, 0.0, flight.parked, self._chance.uniform, patient=flight.patient)
        if wait is None or acted or not error.retryable or not blamed_scope(error):
            return False
        trouble = flight.trouble(error, self._now(), retry.park_max)
        self._ports.bus.publish(trouble.seen_event(error, again=True))
        flight.attempts -= 1
        flight.parked += wait
        await asyncio.sleep(wait)
        return True

    async def _choose_prompt(self, flight: ActiveRequest) -> None:
        """A prompt that the conversation has already is not sent twice."""
        if not flight.conversation or not flight.uuid:
            return
        if await asyncio.to_thread(self._ports.holds_prompt, flight.profile, flight.conversation, flight.uuid):
            flight.prompt = CONTINUE

    # answer, record

    def _answer(self, flight: ActiveRequest, outcome: Outcome, session: Session) -> Answer:
        return Answer(
            request=flight.request.id,
            text=outcome.text,
            conversation=session.conversation,
            cwd=str(session.cwd),
            session=flight.session,
            duration=self._now() - flight.began,
            queued=flight.queued,
            attempts=flight.attempts,
            denials=outcome.denials,
            tokens_in=outcome.usage.input_tokens,
            tokens_out=outcome.usage.output_tokens,
            tokens_cached=outcome.usage.cache_read_input_tokens,
            tokens_cache_written=outcome.usage.cache_creation_input_tokens,
            cost=outcome.cost,
            simulated=flight.profile.backend == SIMULATOR,
        )

    def _from_cache(self, flight: ActiveRequest, known: Answer) -> Answer:
        """Another request's answer, whose conversation and session are that one's alone; nothing was spent."""
        took = self._now() - flight.began
        mine = replace(known, request=flight.request.id, cached=True, duration=took, queued=0.0, cost=0.0)
        return replace(mine, conversation="", session="", cwd="", tokens_in=0, tokens_out=0, tokens_cached=0)

    def _enter(self, request: Request) -> ActiveRequest:
        profile, now = self.check(request), self._now()
        deadline = now + (request.deadline if request.deadline is not None else _NEVER_S)
        flight = ActiveRequest(request, profile, now, deadline, request.conversation, request.prompt)
        flight.directory = allowed_directory(profile, request.cwd) if request.cwd else None
        flight.task = asyncio.current_task()
        self.flights[request.id] = flight
        return flight

    def _record(
        self, flight: ActiveRequest, *, answer: Answer | None = None, error: BaseException | None = None
    ) -> None:
        self.flights.pop(flight.request.id, None)
        if flight.watch is not None:
            flight.watch.cancel()
        try:
            if flight.case is not None:
                self._ports.recoveries.closed(flight.case, worked=True if answer is not None else None)
        finally:
            self._publish_end(flight, answer, error)

    def _publish_end(self, flight: ActiveRequest, answer: Answer | None, error: BaseException | None) -> None:
        kind, code, sentence = _recorded(error)
        self._ports.bus.publish(
            RequestEnded(
                request=flight.request.id,
                user=flight.request.user,
                ok=answer is not None,
                duration=self._now() - flight.began,
                queued=flight.queued,
                attempts=flight.attempts,
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


def _interrupted(flight: ActiveRequest, error: QuarterdeckError) -> TurnInterrupted:
    """Whatever ended the attempt, the request ends with it: somebody asked for that."""
    sentence, remedy = f"The turn was interrupted by {flight.interrupted_by}.", "Send the prompt again to go on."
    told = TurnInterrupted(sentence, remedy=remedy)
    told.partial = error.partial or "".join(flight.text)
    return told


def _wish(flight: ActiveRequest) -> LeaseRequest:
    """A new conversation in a directory that was named is known by its id before it begins."""
    user, directory = flight.request.user, flight.directory
    if directory is None or flight.conversation:
        return LeaseRequest(flight.profile, user, flight.conversation, priority=flight.request.priority)
    return LeaseRequest(flight.profile, user, str(uuid.uuid4()), directory, flight.request.priority)


def _check_directory(flight: ActiveRequest, session: Session) -> None:
    """Raises BadInput when a conversation works elsewhere than its request says."""
    if flight.directory is not None and session.cwd != flight.directory:
        raise BadInput(
            f"Conversation {session.conversation} works in {session.cwd}, not in {flight.directory}.",
            field="cwd",
            remedy="Leave the directory out, or begin a new conversation in it.",
        )


def _withdrawn(flight: ActiveRequest) -> TurnInterrupted:
    """The caller's task goes on: the cancellation was meant for the request alone."""
    if flight.task is not None:
        flight.task.uncancel()
    return TurnInterrupted(f"The request was cancelled by {flight.cancelled_by}.", remedy="Send the prompt again.")


@contextlib.contextmanager
def _fenced(flight: ActiveRequest) -> Iterator[None]:
    """What a caller's listener raises ends that caller's request, not the session that talks to it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a listener is the caller's code
        if flight.fault is None and flight.task is not None:
            flight.fault = error
            flight.task.cancel()


def _reported(flight: ActiveRequest, error: BaseException) -> BaseException:
    """What the caller is to get for what ended the request."""
    if flight.fault is not None and isinstance(error, asyncio.CancelledError):
        if flight.task is not None:
            flight.task.uncancel()
        return flight.fault
    if flight.cancelled_by and isinstance(error, QuarterdeckError | asyncio.CancelledError):
        return _withdrawn(flight)
    limit = flight.request.deadline
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
