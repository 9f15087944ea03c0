"""What an attempt sends to the pool and to the session, and the answer that it makes of the outcome."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from engine.backends.base import SIMULATOR
from engine.base.errors import BadInput
from engine.dispatch.active_request import ActiveRequest
from engine.pool.routing import LeaseRequest
from engine.requests import Answer, AnswerStream, NullStream
from engine.sessions.outcome import Outcome
from engine.sessions.session import Session
from engine.sessions.turn import TurnOrder


def lease_request(active: ActiveRequest) -> LeaseRequest:
    """A new conversation in a directory that was named is known by its id before it begins."""
    request, new = active.request, active.directory is not None and not active.conversation
    return LeaseRequest(
        active.profile,
        request.user,
        str(uuid.uuid4()) if new else active.conversation,
        active.directory if new else None,
        request.priority,
        active.deadline,
        request.id,
    )


def check_directory(active: ActiveRequest, session: Session) -> None:
    """Raises BadInput when a conversation works elsewhere than its request states."""
    if active.directory is not None and session.cwd != active.directory:
        raise BadInput(
            f"Conversation {session.conversation} works in {session.cwd}, not in {active.directory}.",
            field="cwd",
            remedy="Leave the directory out, or begin a new conversation in it.",
        )


def turn_order(
    active: ActiveRequest, stream: AnswerStream, on_answer: Callable[[], None], on_person: Callable[[bool], None]
) -> TurnOrder:
    """The turn as the session runs it; text goes to the caller's stream as it comes."""

    def grow(text: str) -> None:
        active.text.append(text)
        with _fenced(active):
            stream.delta(text)

    def drop(size: int) -> None:
        with _fenced(active):
            stream.dropped(size)

    request = active.request
    return TurnOrder(
        request=request.id,
        prompt=active.prompt,
        user=request.user,
        attempt=active.retry.attempts,
        commands=request.commands,
        watched=not isinstance(stream, NullStream),
        on_delta=grow,
        on_drop=drop,
        on_answer=on_answer,
        on_person=on_person,
        permission_timeout=request.permission_timeout,
    )


def answer_of(active: ActiveRequest, outcome: Outcome, session: Session, now: float) -> Answer:
    """The answer of a turn that ended well."""
    usage = outcome.usage
    return Answer(
        request=active.request.id,
        text=outcome.text,
        conversation=session.conversation,
        cwd=str(session.cwd),
        session=active.session,
        duration=now - active.began,
        queued=active.waiting.seconds,
        attempts=active.retry.attempts,
        denials=outcome.denials,
        tokens_in=usage.input_tokens,
        tokens_out=usage.output_tokens,
        tokens_cached=usage.cache_read_input_tokens,
        tokens_cache_written=usage.cache_creation_input_tokens,
        cost=outcome.cost,
        simulated=active.profile.backend == SIMULATOR,
    )


def cached_answer(active: ActiveRequest, known: Answer, now: float) -> Answer:
    """Another request's answer, whose conversation and session are that one's alone; nothing was spent."""
    took = now - active.began
    mine = replace(known, request=active.request.id, cached=True, duration=took, queued=0.0, cost=0.0)
    return replace(mine, conversation="", session="", cwd="", tokens_in=0, tokens_out=0, tokens_cached=0)


@contextlib.contextmanager
def _fenced(active: ActiveRequest) -> Iterator[None]:
    """What a caller's stream raises ends that caller's request, not the session that serves it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a stream is the caller's code
        if active.ending.fault is None and active.task is not None:
            active.ending.fault = error
            active.task.cancel()
