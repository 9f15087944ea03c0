"""`quarterdeck conversations …`: made from the operations, and the agent's own terminal, which is opened here."""

from __future__ import annotations

import os

import click

from engine.base.errors import BadInput
from engine.base.read_only import check_writable
from engine.operations.declared.terminals import (
    OPEN_CONVERSATION,
    RETURN_CONVERSATION,
    OpenConversation,
    ReturnConversation,
)
from tui.cli.main import COMMANDS, DONE, FAILED
from tui.cli.operation_commands import operation_group
from tui.cli.options import Common, common_options
from tui.cli.output import echo
from tui.cli.running_engine import send
from tui.cli.settings_source import load


@click.command("open", epilog=f"Example: {OPEN_CONVERSATION.examples[0]}")
@click.argument("conversation", metavar="ID")
@common_options
def open_conversation(common: Common, conversation: str) -> int:
    """Open a conversation in the agent's own terminal; no request runs in it until that is closed."""
    from tui.actions.terminal_actions import program_of, returned
    from tui.terminal.hand_over import run

    check_writable(read_only=load(common).settings.engine.read_only)
    if not (os.isatty(0) and os.isatty(1)):
        raise BadInput("The agent's terminal needs a terminal.", remedy="Run it in one; `ssh -t` makes one.")
    lent = send(common, OPEN_CONVERSATION, OpenConversation(id=conversation, process=os.getpid())).command
    try:
        code = run(program_of(lent, os.environ))
    finally:
        send(common, RETURN_CONVERSATION, ReturnConversation(id=conversation, terminal=lent.terminal))
    echo(returned(conversation, code))
    return FAILED if code else DONE


command = operation_group("conversations", COMMANDS["conversations"])
if isinstance(command, click.Group):
    command.add_command(open_conversation)
