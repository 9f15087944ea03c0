"""A conversation in the agent's own terminal: borrowed from the engine, opened here, returned whatever happens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.operations.declared.terminals import (
    OPEN_CONVERSATION,
    RETURN_CONVERSATION,
    OpenConversation,
    ReturnConversation,
    TerminalCommand,
)
from tui.model.tables import command
from tui.terminal.hand_over import Program, ending

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed

TERMINAL = ("TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "LANG", "LC_ALL", "LC_CTYPE")
"""What describes the terminal that the program runs in, which is ours and not the engine's."""


async def open_in_claude(console: ConsoleHost, conversation: str, feed: Feed) -> str:
    """Step aside for the agent's own terminal, and come back when it is closed.

    Raises HandOverFailed where this display is no terminal, and what the engine refuses.
    """
    by_hand = command("conversations", "open", conversation)
    console.check_display(f"In a terminal on the engine's machine, run `{by_hand}`.")
    lent = (await feed.send(OPEN_CONVERSATION, OpenConversation(id=conversation, process=os.getpid()))).command
    try:
        code = console.lend_terminal(program_of(lent, os.environ))
    finally:
        await feed.send(RETURN_CONVERSATION, ReturnConversation(id=conversation, terminal=lent.terminal))
    return returned(conversation, code)


def program_of(lent: TerminalCommand, environ: Mapping[str, str]) -> Program:
    """What runs in the terminal: the agent's program with the environment that the engine gives its agents."""
    ours = {name: environ[name] for name in TERMINAL if name in environ}
    return Program(lent.argv, lent.cwd, {**lent.environment, **ours}, dies_with_us=True)


def returned(conversation: str, code: int) -> str:
    """That it is over, and how the program ended where that was not as usual."""
    how = f"The agent's terminal {ending(code)}. " if code else ""
    return f"{how}Conversation {conversation[:8]} is back with the engine; a prompt goes on with it."
