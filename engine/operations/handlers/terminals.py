"""Conversations that are lent to a terminal on this machine, and taken back."""

from __future__ import annotations

import os

from engine.base.caller import Caller, Door
from engine.base.errors import Forbidden
from engine.operations.declared.terminals import (
    OPEN_CONVERSATION,
    RETURN_CONVERSATION,
    ConversationReturned,
    OpenConversation,
    ReturnConversation,
    TerminalCommand,
    TerminalResult,
)
from engine.operations.handlers.binding import CallContext, handles
from engine.operations.handlers.conversations import known_row
from engine.operations.handlers.services import Services


@handles(OPEN_CONVERSATION)
async def open_conversation(services: Services, call: CallContext, args: OpenConversation) -> TerminalResult:
    """Lend it. Raises NotFound, Forbidden for a caller elsewhere, ConversationHeld, SessionBusy, StoreUnusable."""
    _check_place(call.caller, args)
    row = known_row(services, call, args.id)
    profile = services.profiles.find(row.profile or "default", row.tenant)
    made, command = await services.terminals.open(profile, row.id, call.caller.user, args.process)
    return TerminalResult(
        command=TerminalCommand(
            terminal=made.id,
            conversation=row.id,
            argv=list(command.argv),
            cwd=str(command.cwd),
            environment=dict(command.environment),
        )
    )


@handles(RETURN_CONVERSATION)
async def return_conversation(services: Services, call: CallContext, args: ReturnConversation) -> ConversationReturned:
    """Take it back. Raises NotFound, ConversationHeld while its program cannot be ended."""
    row = known_row(services, call, args.id)
    found = await services.terminals.give_back(row.tenant, row.id, args.terminal)
    return ConversationReturned(returned=row.id, holder=found.holder if found is not None else "")


def _check_place(caller: Caller, args: OpenConversation) -> None:
    """Raises Forbidden unless the process that asks is the one that runs the terminal, and within our sight."""
    mine = os.getpid() if caller.door in {Door.CONSOLE, Door.CLI, Door.LIBRARY} else caller.pid
    if caller.remote or not mine or mine != args.process:
        raise Forbidden(
            "A conversation is opened in a terminal on the engine's machine, and this caller is not there.",
            remedy=f"On that machine, run `quarterdeck conversations open {args.id}`.",
        )
