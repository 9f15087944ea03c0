"""Conversations: those that are remembered, their messages, and what can be done with one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from engine.base.errors import BadInput, ConversationHeld, NotFound
from engine.base.secret_text import redact
from engine.base.text import one_line
from engine.operations.declared.conversations import (
    CHANGE_CONVERSATION,
    DELETE_CONVERSATION,
    FORK_CONVERSATION,
    LIST_CONVERSATIONS,
    MAX_TITLE,
    READ_MESSAGES,
    READ_PROMPTS,
    SHOW_CONVERSATION,
    WAKE_CONVERSATION,
    ChangeConversation,
    ConversationDeleted,
    ConversationId,
    ConversationResult,
    ConversationRow,
    ConversationsResult,
    ForkConversation,
    KeptPrompt,
    KeptPromptsResult,
    ListConversations,
    MessagePage,
    MessagesResult,
    ReadMessages,
    ReadPrompts,
    State,
    Wake,
    WakeResult,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services
from engine.pool.routing import LeaseRequest
from engine.sessions.history import read_page
from engine.sessions.prompts import prompts_in
from engine.sessions.transcript_copy import copy_transcript
from engine.store.conversations import KnownConversation, Wanted
from engine.store.sqlite import StoreUnusable

T = TypeVar("T")


@handles(LIST_CONVERSATIONS)
async def list_conversations(services: Services, call: CallContext, args: ListConversations) -> ConversationsResult:
    """Those that fit the filters. Raises StoreUnusable."""
    tenant = call.caller.tenant
    holders = _holders(services, tenant)
    wanted, conversations = _wanted(services, args, holders, tenant), services.conversations
    found, total = await asyncio.to_thread(conversations.page, tenant, wanted, args.limit, args.offset)
    return ConversationsResult(conversations=[_made(services, each, holders) for each in found], total=total)


@handles(SHOW_CONVERSATION)
async def show(services: Services, call: CallContext, args: ConversationId) -> ConversationResult:
    """One conversation. Raises NotFound, StoreUnusable."""
    return ConversationResult(conversation=known_row(services, call, args.id))


@handles(READ_MESSAGES)
async def messages(services: Services, call: CallContext, args: ReadMessages) -> MessagesResult:
    """A page of what is on disk. Raises NotFound, StoreUnusable."""
    row = known_row(services, call, args.id)

    def read(path: Path) -> MessagePage:
        return row_as(MessagePage, read_page(path, args.before, args.ref, args.until, args.limit))

    page = await _read(services, row, read)
    return MessagesResult(messages=page if page is not None else MessagePage(entries=[], before=0))


@handles(CHANGE_CONVERSATION)
async def change(services: Services, call: CallContext, args: ChangeConversation) -> ConversationResult:
    """Its title, or its place. Raises NotFound, ConversationHeld for one to archive that a session holds."""
    row = known_row(services, call, args.id)
    if args.archived is True:
        _check_free(services, row, "archived")
    title = _title(args.title) if args.title is not msgspec.UNSET else None
    archived = args.archived if args.archived is not msgspec.UNSET else None
    services.conversations.change(row.tenant, row.id, title, archived)
    return ConversationResult(conversation=known_row(services, call, row.id))


@handles(FORK_CONVERSATION)
async def fork(services: Services, call: CallContext, args: ForkConversation) -> ConversationResult:
    """Its transcript, copied up to its last whole line. Raises NotFound, StoreUnusable."""
    row, new = known_row(services, call, args.id), str(uuid.uuid4())
    paths = await asyncio.to_thread(_transcripts, services, row)
    if not paths:
        sentence = f"Conversation {row.id} has no transcript to begin with."
        raise NotFound(sentence, field="id", remedy="Its first turn writes one.")
    try:
        await asyncio.to_thread(copy_transcript, min(paths), new)
    except OSError as error:
        sentence = f"The transcript of conversation {row.id} cannot be copied: {error.strerror or error}."
        raise StoreUnusable(sentence, remedy="`quarterdeck doctor` checks the folders.") from error
    known = services.conversations.summary(row.tenant, row.id)
    if known is not None:
        title = args.title if args.title is not msgspec.UNSET else f"{row.title[: MAX_TITLE - 7]} (fork)"
        services.conversations.copy(known, new, _title(title), services.clock.wall())
    return ConversationResult(conversation=known_row(services, call, new))


@handles(READ_PROMPTS)
async def prompts(services: Services, call: CallContext, args: ReadPrompts) -> KeptPromptsResult:
    """A page of the prompts on disk. Raises NotFound, StoreUnusable."""
    found = await _read(services, known_row(services, call, args.id), prompts_in) or []
    return KeptPromptsResult(prompts=rows_as(KeptPrompt, page_of(args, found)), total=len(found))


@handles(WAKE_CONVERSATION)
async def wake(services: Services, call: CallContext, args: ConversationId) -> WakeResult:
    """Begin its start. Raises NotFound, Forbidden, StoreUnusable."""
    row = known_row(services, call, args.id)
    if row.session:
        return WakeResult(wake=Wake(conversation=row.id, state="awake", session=row.session))
    profile = services.profiles.find(row.profile or "default", row.tenant)
    why = services.pool.wake_ahead(LeaseRequest(profile, row.user, row.id, ahead=True))
    return WakeResult(wake=Wake(conversation=row.id, state="asleep" if why else "waking", reason=why))


@handles(DELETE_CONVERSATION)
async def delete(services: Services, call: CallContext, args: ConversationId) -> ConversationDeleted:
    """Take transcript and row away. Raises NotFound, ConversationHeld while a session holds it, StoreUnusable."""
    row = known_row(services, call, args.id)
    _check_free(services, row, "deleted")
    paths = await asyncio.to_thread(_transcripts, services, row)

    def delete_transcripts() -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    await services.conversations.remove(row.tenant, row.id, delete_transcripts)
    return ConversationDeleted(deleted=row.id, transcript=bool(paths))


def _title(given: str) -> str:
    """A title on one line, without secrets. Raises BadInput where nothing is left."""
    title = one_line(redact(given), MAX_TITLE)
    if not title:
        raise BadInput(
            "A title of blanks names nothing.", field="title", remedy="Write what the conversation is about."
        )
    return title


def _check_free(services: Services, row: ConversationRow, done: str) -> None:
    """Raises ConversationHeld while a session or a terminal has it."""
    services.conversations.check_not_lent(row.tenant, row.id)
    if row.session:
        remedy = f"`quarterdeck sessions hibernate {row.session}` frees it once no turn runs."
        raise ConversationHeld(f"Session {row.session} holds conversation {row.id}; it is not {done}.", remedy=remedy)


async def _read(services: Services, row: ConversationRow, read: Callable[[Path], T]) -> T | None:
    """What is read of a conversation's transcript; None without one. Raises NotFound where that cannot be read."""

    def first() -> T | None:
        return next((read(path) for path in _transcripts(services, row)), None)

    try:
        return await asyncio.to_thread(first)
    except OSError as error:
        sentence = f"The transcript of conversation {row.id} cannot be read: {error.strerror}."
        raise NotFound(sentence, field="id", remedy="`quarterdeck doctor` checks the folders.") from error


def known_row(services: Services, call: CallContext, name: str) -> ConversationRow:
    """One that is remembered of the caller's tenant. Raises NotFound, StoreUnusable."""
    tenant = call.caller.tenant
    found = services.conversations.summary(tenant, name)
    if found is None:
        remedy = "`quarterdeck conversations` lists those that are remembered."
        raise NotFound(f"There is no conversation {name}.", field="id", remedy=remedy)
    return _made(services, found, _holders(services, tenant))


def _holders(services: Services, tenant: str) -> dict[str, str]:
    """The sessions by the conversations that they may write."""
    held = services.conversations.held_by()
    return {conversation: session for (theirs, conversation), session in held.items() if theirs == tenant}


def _wanted(services: Services, args: ListConversations, holders: dict[str, str], tenant: str) -> Wanted:
    """What is asked of the store, which does not know what runs."""
    state, lent = args.state if args.state is not msgspec.UNSET else None, services.conversations.lent(tenant)
    live = [each for each, session in holders.items() if _state(services, session) == state and each not in lent]
    return Wanted(
        archived=state == "archived",
        profile=args.profile if args.profile is not msgspec.UNSET else None,
        text=args.q if args.q is not msgspec.UNSET else "",
        among=live if state in {"running", "idle"} else list(lent) if state == "terminal" else None,
        without=[*holders, *lent] if state == "hibernated" else (),
    )


def _state(services: Services, session: str) -> State:
    view = services.state.sessions.get(session)
    return "running" if view is not None and view.request else "idle"


def _made(services: Services, known: KnownConversation, holders: dict[str, str]) -> ConversationRow:
    session = holders.get(known.conversation, "")
    view = services.state.sessions.get(session)
    holder = services.conversations.lent_to(known.tenant, known.conversation)
    asleep: State = "archived" if known.archived else "hibernated"
    return ConversationRow(
        id=known.conversation,
        tenant=known.tenant,
        profile=view.profile if view is not None else known.profile,
        state="terminal" if holder else _state(services, session) if session else asleep,
        session=session,
        holder=holder,
        directory=known.directory,
        permission_mode=known.permission_mode,
        title=known.title,
        user=known.user,
        created=known.created,
        used=known.used,
        turns=known.turns,
        cost=known.cost,
        last_words=known.last_words,
    )


def _transcripts(services: Services, row: ConversationRow) -> set[Path]:
    """The files of a conversation in its tenant's profiles; its id names none outside of them."""
    theirs = [profile for profile in services.profiles.all() if profile.tenant == row.tenant]
    return {path for profile in theirs if (path := services.backend.transcript(profile, row.id)) is not None}
