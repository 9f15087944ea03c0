"""Conversations: those that are remembered or held, their messages, and the deletion of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from engine.base.errors import ConversationHeld, NotFound
from engine.operations.declared.conversations import (
    DELETE_CONVERSATION,
    LIST_CONVERSATIONS,
    READ_MESSAGES,
    READ_PROMPTS,
    SHOW_CONVERSATION,
    ConversationDeleted,
    ConversationId,
    ConversationResult,
    ConversationRow,
    ConversationsResult,
    KeptPrompt,
    KeptPromptsResult,
    ListConversations,
    MessagePage,
    MessagesResult,
    ReadMessages,
    ReadPrompts,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services
from engine.sessions.history import read_page
from engine.sessions.prompts import prompts_in
from engine.store.conversations import KnownConversation

T = TypeVar("T")


@handles(LIST_CONVERSATIONS)
async def list_conversations(services: Services, call: CallContext, args: ListConversations) -> ConversationsResult:
    """Those that fit the filters. Raises StoreUnusable."""
    rows = [row for row in _rows(services, call.caller.tenant) if _fits(row, args)]
    return ConversationsResult(conversations=list(page_of(args, rows)), total=len(rows))


@handles(SHOW_CONVERSATION)
async def show(services: Services, call: CallContext, args: ConversationId) -> ConversationResult:
    """One conversation. Raises NotFound, StoreUnusable."""
    return ConversationResult(conversation=_row(services, call, args.id))


@handles(READ_MESSAGES)
async def messages(services: Services, call: CallContext, args: ReadMessages) -> MessagesResult:
    """A page of what is on disk. Raises NotFound, StoreUnusable."""
    row = _row(services, call, args.id)

    def read(path: Path) -> MessagePage:
        return row_as(MessagePage, read_page(path, args.before, args.ref, args.until, args.limit))

    page = await _read(services, row, read)
    return MessagesResult(messages=page if page is not None else MessagePage(entries=[], before=0))


@handles(READ_PROMPTS)
async def prompts(services: Services, call: CallContext, args: ReadPrompts) -> KeptPromptsResult:
    """A page of the prompts on disk. Raises NotFound, StoreUnusable."""
    found = await _read(services, _row(services, call, args.id), prompts_in) or []
    return KeptPromptsResult(prompts=rows_as(KeptPrompt, page_of(args, found)), total=len(found))


@handles(DELETE_CONVERSATION)
async def delete(services: Services, call: CallContext, args: ConversationId) -> ConversationDeleted:
    """Take transcript and row away. Raises NotFound, ConversationHeld while a session holds it, StoreUnusable."""
    row = _row(services, call, args.id)
    if row.session:
        remedy = f"`quarterdeck sessions hibernate {row.session}` frees it once no turn runs."
        raise ConversationHeld(f"Session {row.session} holds conversation {row.id}.", remedy=remedy)
    paths = await asyncio.to_thread(_transcripts, services, row)

    def delete_transcripts() -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    await services.conversations.remove(row.tenant, row.id, delete_transcripts)
    return ConversationDeleted(deleted=row.id, transcript=bool(paths))


async def _read(services: Services, row: ConversationRow, read: Callable[[Path], T]) -> T | None:
    """What is read of a conversation's transcript; None without one. Raises NotFound where that cannot be read."""

    def first() -> T | None:
        return next((read(path) for path in _transcripts(services, row)), None)

    try:
        return await asyncio.to_thread(first)
    except OSError as error:
        sentence = f"The transcript of conversation {row.id} cannot be read: {error.strerror}."
        raise NotFound(sentence, field="id", remedy="`quarterdeck doctor` checks the folders.") from error


def _row(services: Services, call: CallContext, name: str) -> ConversationRow:
    found = next((row for row in _rows(services, call.caller.tenant) if row.id == name), None)
    if found is None:
        remedy = "`quarterdeck conversations` lists those that are remembered."
        raise NotFound(f"There is no conversation {name}.", field="id", remedy=remedy)
    return found


def _rows(services: Services, tenant: str) -> list[ConversationRow]:
    """Those of a tenant: what sessions hold and the store does not know yet, then the remembered ones."""
    holders = services.conversations.held_by()
    known = services.conversations.known()
    remembered = {(each.tenant, each.conversation) for each in known}
    fresh = [
        KnownConversation(*key, "", "", "")
        for key, session in holders.items()
        if key not in remembered and _is_used(services, session, key[1])
    ]
    return [
        _made(services, each, holders.get((each.tenant, each.conversation), ""))
        for each in [*fresh, *known]
        if each.tenant == tenant
    ]


def _is_used(services: Services, session: str, conversation: str) -> bool:
    """Whether anybody asked for what a session holds; a warm session only has its id ready."""
    entry = services.pool.index.get(session)
    return entry is not None and entry.conversation == conversation


def _made(services: Services, known: KnownConversation, session: str) -> ConversationRow:
    view = services.state.sessions.get(session)
    busy = view is not None and bool(view.request)
    return ConversationRow(
        id=known.conversation,
        tenant=known.tenant,
        profile=view.profile if view is not None else known.profile,
        state="running" if busy else "idle" if session else "hibernated",
        session=session,
        directory=known.directory,
        permission_mode=known.permission_mode,
    )


def _fits(row: ConversationRow, args: ListConversations) -> bool:
    if args.profile is not msgspec.UNSET and row.profile != args.profile:
        return False
    if args.state is not msgspec.UNSET and row.state != args.state:
        return False
    return args.q is msgspec.UNSET or any(args.q in text for text in (row.id, row.profile, row.directory))


def _transcripts(services: Services, row: ConversationRow) -> set[Path]:
    """The files of a conversation in its tenant's profiles; its id names none outside of them."""
    theirs = [profile for profile in services.profiles.all() if profile.tenant == row.tenant]
    return {path for profile in theirs if (path := services.backend.transcript(profile, row.id)) is not None}
