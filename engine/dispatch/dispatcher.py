"""The way of a request, top to bottom:

cache lookup (single-flight) → an open breaker refuses at once → wait queue → session and permit → turn in the session
→ answer | failure → next step: retry, wait for the breaker, recover, give up → answer, record
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from functools import partial

from engine.backends.base import Profile
from engine.backends.directories import allowed_directory
from engine.base.clock import deadline
from engine.base.errors import BadInput, BreakerOpen, NotFound, QuarterdeckError, SessionBusy, TurnInterrupted
from engine.base.text import one_line
from engine.cache.keys import cache_key
from engine.cache.memory import Label
from engine.cache.single_flight import SingleFlight
from engine.dispatch.active_request import ActiveRequest, Attempt
from engine.dispatch.endings import end_event, ended_by, interrupted
from engine.dispatch.next_step import GiveUp, Recover, Retry, WaitForBreaker, next_step
from engine.dispatch.pace_watch import PaceWatch
from engine.dispatch.ports import DispatcherPorts
from engine.dispatch.turns import answer_of, cached_answer, check_directory, lease_request, turn_order
from engine.events.types import RequestRetrying, RequestWaiting
from engine.pool.lease import Lease
from engine.recovery.breakers.breaker_keys import breaker_keys
from engine.recovery.breakers.guard import GuardedCall
from engine.recovery.classify.outcome_errors import EMPTY
from engine.recovery.failure import Failure
from engine.requests import Answer, AnswerStream, NullStream, Request
from engine.sessions.outcome import Outcome
from engine.sessions.session import Session

CONTINUE = "Continue from where you left off."
"""Sent instead of a prompt that the resumed conversation already contains, so that it is not doubled."""
_NEVER_S = 1e9
_INTERRUPT_S = 5.0
"""Time in which an interrupted turn must end; then its request is ended all the same."""
_MEMORY = 0.1
"""Weight of the newest attempt in the share of recent attempts that failed."""


class Dispatcher:
    """Owner of the requests on their way."""

    def __init__(self, ports: DispatcherPorts, rng: random.Random) -> None:
        self._ports = ports
        self._rng = rng
        self._answers: SingleFlight[Answer] = SingleFlight()
        self._failing = 0.0
        self.active_requests: dict[str, ActiveRequest] = {}

    async def dispatch(self, request: Request, stream: AnswerStream | None = None) -> Answer:
        """Answer a request, or raise the QuarterdeckError that states why not. Either is recorded."""
        active = self._enter(request)
        answer: Answer | None = None
        failure: BaseException | None = None
        try:
            self._ports.bus.publish(request.queued_event())
            async with deadline(self._ports.clock, request.deadline):
                answer = await self._look_up(active, stream or NullStream())
        except BaseException as error:
            failure = ended_by(active, error)
            if failure is error:
                raise
            raise failure from None
        else:
            return answer
        finally:
            self._record(active, answer=answer, error=failure)

    def cancel(self, request: str, who: str) -> None:
        """End a request wherever it is; its caller learns by whom. Raises NotFound."""
        active = self.active_requests.get(request)
        if active is None or active.task is None:
            remedy = "It has ended already; `quarterdeck queue` lists those on their way."
            raise NotFound(f"There is no request {request} on its way.", field="request", remedy=remedy)
        if not active.ending.cancelled_by:
            active.ending.cancelled_by = who
            active.task.cancel()

    def cancel_of(self, session: str, who: str) -> list[str]:
        """End the requests that run in a session; their callers learn by whom. Returns their ids."""
        mine = [name for name, active in self.active_requests.items() if active.session == session]
        for name in mine:
            self.cancel(name, who)
        return mine

    def interrupt(self, session: Session, who: str) -> bool:
        """End the turn in a session, and its request with it: it is not run again. False when there is none."""
        active = next((each for each in self.active_requests.values() if each.session == session.id), None)
        sent = session.interrupt()
        if active is None or active.ending.interrupted_by:
            return sent or active is not None
        active.ending.interrupted_by = who
        if sent:
            loop, name = asyncio.get_running_loop(), active.request.id
            active.ending.watch = loop.call_later(_INTERRUPT_S, self._cancel_quietly, name, who)
        else:  # it holds the session and its turn has not begun
            self.cancel(active.request.id, who)
        return True

    def steer(self, session: Session, prompt: str, who: str) -> str:
        """Send another prompt into a running turn; its request goes on with that. Returns the request's id.

        Raises SessionBusy when no turn of a request runs there that could be steered.
        """
        active = next((each for each in self.active_requests.values() if each.session == session.id), None)
        if active is None or active.ending.interrupted_by or not session.steer(prompt, who):
            remedy = f"`quarterdeck sessions show {session.id}` shows what it does; send a prompt to its conversation."
            raise SessionBusy(f"Session {session.id} runs no turn that can be steered.", remedy=remedy)
        active.steered = True
        active.prompt = f"{active.prompt}\n\n{prompt}"  # what another attempt begins with
        return active.request.id

    def check(self, request: Request) -> Profile:
        """The request's profile. Raises BadInput, NotFound or Forbidden for what would be refused at once."""
        request.check()
        profile = self._ports.profile(request.profile, request.tenant)
        if request.cwd:
            allowed_directory(profile, request.cwd)
        if request.id in self.active_requests:
            raise BadInput(f"A request {request.id} is on its way already.", field="id", remedy="Use a fresh id.")
        return profile

    def publish_waits(self) -> None:
        """Publish what each request waits for, where that changed; once a second."""
        for active in self.active_requests.values():
            waiting = active.waiting
            if waiting.reason != waiting.published:
                waiting.published = waiting.reason
                self._ports.bus.publish(RequestWaiting(request=active.request.id, reason=waiting.reason))

    # cache lookup, single-flight

    async def _look_up(self, active: ActiveRequest, stream: AnswerStream) -> Answer:
        key = await cache_key(active.request, active.profile)
        if not key:
            return await self._until_answered(active, stream)
        known = await self._ports.cache.get(key) or await self._answers.join(key)
        if known is not None:
            return cached_answer(active, known, self._now())
        try:
            answer = await self._until_answered(active, stream)
        except QuarterdeckError as error:
            self._answers.land(key, error=error if active.fails_alike(error) else None)
            raise
        except BaseException:
            self._answers.land(key)
            raise
        keeps = answer.text.strip() and not answer.denials and not active.steered
        if keeps:
            request = active.request
            label = Label(request.tenant, frozenset(request.cache_tags))
            await self._ports.cache.put(key, answer, ttl=request.cache_ttl, label=label)
        self._answers.land(key, answer if keeps else None)
        return answer

    # attempts, and what follows each

    async def _until_answered(self, active: ActiveRequest, stream: AnswerStream) -> Answer:
        while True:
            active.retry.attempts += 1
            try:
                answer = await self._attempt(active, stream)
            except QuarterdeckError as error:
                await self._after_failure(active, error)
            else:
                self._failing *= 1 - _MEMORY
                self._ports.budget.worked(active.retry.cost)
                return answer

    async def _attempt(self, active: ActiveRequest, stream: AnswerStream) -> Answer:
        active.attempt = Attempt(began=self._now())
        active.profile = self._ports.profile(active.request.profile, active.request.tenant)
        keys = breaker_keys(active.profile)
        self._ports.guard.check(keys)
        async with self._session(active) as lease:
            with self._ports.guard.call(keys) as permit, self._turn(active, lease, permit):
                outcome = await self._run(active, lease, stream, permit)
        return answer_of(active, outcome, lease.session, self._now())

    @contextlib.asynccontextmanager
    async def _session(self, active: ActiveRequest) -> AsyncIterator[Lease]:
        """A leased session and a place to run, cleared for this request where another conversation was in it."""
        with self._waiting(active, "a session"):
            lease = await self._ports.pool.lease(lease_request(active), on_wait=partial(_waits_for, active))
        try:
            active.attempt.session = lease.session.id
            if lease.clear:
                await lease.session.clear()
            check_directory(active, lease.session)
            yield lease
        finally:
            active.waiting.for_person, active.waiting.reason = False, ""
            self._ports.pool.release(lease)

    @contextlib.contextmanager
    def _turn(self, active: ActiveRequest, lease: Lease, permit: GuardedCall) -> Iterator[None]:
        """The facts of the attempt that only the session knows."""
        active.attempt.was_probe = permit.probes
        active.attempt.conversation = lease.session.conversation
        active.text.clear()
        try:
            yield
        finally:
            active.attempt.uuid, active.attempt.silence_s = lease.session.last_uuid, lease.session.last_silence

    async def _run(self, active: ActiveRequest, lease: Lease, stream: AnswerStream, permit: GuardedCall) -> Outcome:
        session = lease.session
        await self._ports.pool.hold(lease, session.conversation, active.request.user)
        stream.started(session.id, session.conversation)
        pace = PaceWatch(self._ports.clock, lease.place)
        order = turn_order(active, stream, pace.answering(permit.answered), partial(_on_person, active, lease))
        outcome = await session.run(order)
        pace.ended(outcome)
        self._ports.guard.turn_ended(session.id, outcome)
        if not outcome.ok:
            raise self._ports.error_of(outcome)
        return outcome

    # waiting

    @contextlib.contextmanager
    def _waiting(self, active: ActiveRequest, reason: str) -> Iterator[None]:
        """The request waits in the queue, and shows for what."""
        since, active.waiting.reason = self._now(), reason
        try:
            yield
        finally:
            active.waiting.seconds += self._now() - since
            active.waiting.reason = ""

    async def _sleep(self, active: ActiveRequest, seconds: float, reason: str) -> None:
        active.waiting.reason = reason
        await asyncio.sleep(seconds)
        active.waiting.reason = ""

    # after a failure

    async def _after_failure(self, active: ActiveRequest, error: QuarterdeckError) -> None:
        """Returns when another attempt follows; raises the error, with what is known of it, when none does."""
        if not isinstance(error, BreakerOpen):
            if active.ending.interrupted_by:
                raise interrupted(active, error) from None
            self._failing += (1 - self._failing) * _MEMORY
            error = _judged(active, error)
        ports, policy, now = self._ports, self._ports.retry(), self._now()
        failure = active.failure(error, now, policy.park_max)
        state = active.state(now, ports.budget.price(error.kind), ports.load(), self._failing)
        step = next_step(failure, state, policy, ports.recoveries.options(failure), self._rng.uniform)
        match step:
            case WaitForBreaker():
                await self._wait_for_breaker(active, failure, step)
            case Retry() | Recover():
                await self._retry(active, failure, step)
            case GiveUp():
                await self._give_up(active, failure, step)
        if not isinstance(error, BreakerOpen):
            await self._choose_prompt(active)

    async def _wait_for_breaker(self, active: ActiveRequest, failure: Failure, step: WaitForBreaker) -> None:
        """The wait is no attempt of the request."""
        error = failure.error
        if error is not None and not isinstance(error, BreakerOpen):
            self._ports.bus.publish(failure.seen_event(error, again=True))
        active.retry.attempts -= 1
        active.retry.breaker_waited += step.delay
        active.retry.may_wait = step.may_wait
        await self._sleep(active, step.delay, one_line(error.message) if error is not None else "")

    async def _retry(self, active: ActiveRequest, failure: Failure, step: Retry | Recover) -> None:
        """Recover where the step says so, wait, and return for the next attempt."""
        error, recoveries, case = _error_of(failure), self._ports.recoveries, active.recovery
        self._ports.budget.spend(step.cost)
        active.retry.last_delay, active.retry.cost = step.delay, step.cost
        recoveries.closed(case, worked=False)
        case.state = step.escalation
        if not active.refused(error):
            self._ports.bus.publish(failure.seen_event(error, again=True))
        if isinstance(step, Recover):
            active.retry.may_wait = active.retry.may_wait or step.may_wait
            recoveries.begin(step.strategy, failure, case)
        reason = one_line(step.reason)
        self._ports.bus.publish(
            RequestRetrying(
                request=active.request.id,
                attempt=active.retry.attempts,
                delay=step.delay,
                kind=error.kind.value,
                reason=reason,
            )
        )
        await self._sleep(active, step.delay, f"attempt {active.retry.attempts + 1}: {reason}")
        if why := await recoveries.recovered(failure, case):
            await asyncio.sleep(0)  # what takes no time is done before the caller hears of the failure
            raise _given_up(error, why, why)

    async def _give_up(self, active: ActiveRequest, failure: Failure, step: GiveUp) -> None:
        """Raise the error, with the reason why no other attempt follows; a refusing breaker's error states its own."""
        error = _error_of(failure)
        if isinstance(error, BreakerOpen):
            raise error
        if step.over_budget:
            self._ports.budget.refused += 1
        self._ports.recoveries.closed(active.recovery, worked=False)
        active.recovery.state = step.escalation
        if not active.refused(error) and not isinstance(error, TurnInterrupted):
            self._ports.bus.publish(failure.seen_event(error, again=False))
        self._ports.recoveries.begin(step.strategy, failure)
        await asyncio.sleep(0)  # what takes no time is done before the caller hears of the failure
        if step.retry_after is not None:
            error = error.changed(retry_after=step.retry_after)
        raise _given_up(error, step.reason, step.escalation.why)

    async def _choose_prompt(self, active: ActiveRequest) -> None:
        """A prompt that the conversation contains already is not sent twice."""
        uuid = active.attempt.uuid
        if not active.conversation or not uuid:
            return
        holds = self._ports.transcripts.holds_prompt
        if await asyncio.to_thread(holds, active.profile, active.conversation, uuid):
            active.prompt = CONTINUE

    # entering, recording

    def _enter(self, request: Request) -> ActiveRequest:
        profile, now = self.check(request), self._now()
        until = now + (request.deadline if request.deadline is not None else _NEVER_S)
        active = ActiveRequest(request, profile, now, until, request.conversation, request.prompt)
        active.directory = allowed_directory(profile, request.cwd) if request.cwd else None
        active.task = asyncio.current_task()
        self.active_requests[request.id] = active
        return active

    def _record(self, active: ActiveRequest, *, answer: Answer | None, error: BaseException | None) -> None:
        self.active_requests.pop(active.request.id, None)
        if active.ending.watch is not None:
            active.ending.watch.cancel()
        try:
            self._ports.recoveries.closed(active.recovery, worked=True if answer is not None else None)
        finally:
            self._ports.bus.publish(end_event(active, answer, error, self._now()))

    def _cancel_quietly(self, request: str, who: str) -> None:
        with contextlib.suppress(NotFound):  # it has ended meanwhile
            self.cancel(request, who)

    def _now(self) -> float:
        return self._ports.clock.monotonic()


def _on_person(active: ActiveRequest, lease: Lease, waiting: bool) -> None:
    """While a person is waited for, the request holds no place among those that run."""
    active.waiting.for_person = waiting
    active.waiting.reason = "an approval" if waiting else ""
    if waiting:
        lease.place.pause()
    else:
        lease.place.resume()


def _waits_for(active: ActiveRequest, reason: str) -> None:
    active.waiting.reason = reason


def _judged(active: ActiveRequest, error: QuarterdeckError) -> QuarterdeckError:
    """A second empty answer shows that the same prompt would bring another one."""
    if error.code != EMPTY:
        return error
    active.retry.empty_answers += 1
    return error.changed(retryable=error.retryable and active.retry.empty_answers == 1)


def _error_of(failure: Failure) -> QuarterdeckError:
    if failure.error is None:
        raise TypeError("a failed attempt has an error")
    return failure.error


def _given_up(error: QuarterdeckError, reason: str, recovery_gave_up: str) -> QuarterdeckError:
    if recovery_gave_up:
        error = error.changed(remedy=f"Recovery gave up: {recovery_gave_up}. {error.remedy}".rstrip())
    return error.changed(given_up=reason)
