"""What an operator may do to conversations, whether a session holds them or they sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from engine.operations.declared.conversations import (
    CHANGE_CONVERSATION,
    DELETE_CONVERSATION,
    FORK_CONVERSATION,
    MAX_TITLE,
    ChangeConversation,
    ConversationId,
    ConversationRow,
    ForkConversation,
)
from tui.actions import exports
from tui.actions.for_each import FAILED_TOLD, LISTED, for_each, same_as
from tui.actions.prompting import prompt
from tui.feeds.transcript_reader import TranscriptReader
from tui.model.prompt_target import PromptTarget
from tui.model.tables import command
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed

Rows = Sequence[ConversationRow]


async def go_on(console: ConsoleHost, rows: Rows, feed: Feed) -> None:
    """Write a prompt and send it to the conversation; one that sleeps is woken by it."""
    row = rows[0]
    title = f"{row.id[:8]} {clean(row.title)}".strip()
    target = PromptTarget(row.id, title, row.profile or "default", row.directory)
    await prompt(console, feed, target, "GO ON")


async def fork(console: ConsoleHost, rows: Rows, feed: Feed) -> str | None:
    """Begin another conversation with what was said in this one."""
    row = rows[0]
    facts: list[Line] = [[("begins with  ", "muted"), (f"all that was said in {row.id[:8]}", "")]]
    facts += same_as(command("conversations", "fork", row.id), 13)
    title = f"{(row.title or row.id[:8])[: MAX_TITLE - 7]} (fork)"
    typed = await console.dialogs.enter_text("FORK", [*facts, []], "fork", "its title", clean(title))
    if not typed:
        return None
    made = (await feed.send(FORK_CONVERSATION, ForkConversation(id=row.id, title=typed[:MAX_TITLE]))).conversation
    return f"{made.id[:8]} begins with what was said in {row.id[:8]}; a prompt wakes it."


async def rename(console: ConsoleHost, rows: Rows, feed: Feed) -> str | None:
    """Give it another title."""
    row = rows[0]
    facts: list[Line] = [
        [("of       ", "muted"), (f"{row.id[:8]}  ", "strong"), (fit(clean(row.title), 50).rstrip(), "")]
    ]
    typed = await console.dialogs.enter_text("TITLE", [*facts, []], "rename", "what it is about", clean(row.title))
    if not typed or typed == row.title:
        return None
    wanted = ChangeConversation(id=row.id, title=typed[:MAX_TITLE])
    named = (await feed.send(CHANGE_CONVERSATION, wanted)).conversation
    return f"{row.id[:8]} is {clean(named.title)!r} now."


async def archive(console: ConsoleHost, rows: Rows, feed: Feed) -> str | None:
    """Put them away, or bring them back where all of them are; the other key undoes it."""
    back = all(row.state == "archived" for row in rows)
    chosen = [row for row in rows if (row.state == "archived") is back]

    async def change(row: ConversationRow) -> None:
        await feed.send(CHANGE_CONVERSATION, ChangeConversation(id=row.id, archived=not back))

    done, failed = await for_each(chosen, change)
    _tell(console, failed)
    shows, brings = console.keys.shown("conversations.archived"), console.keys.shown("conversations.archive")
    what = formats.plural(done, "conversation")
    undo = f"{shows} shows the archive, {brings} brings back"
    return None if not done else f"{what} brought back." if back else f"{what} archived; {undo}."


async def delete(console: ConsoleHost, rows: Rows, feed: Feed) -> str | None:
    """Delete them with their transcripts, after a question; those that sessions hold are refused by the engine."""
    number = len(rows)
    facts: list[Line] = [
        [(f"{row.id[:8]}  ", "strong"), (fit(clean(row.title), 46), ""), (f"{row.turns:>4} turns", "muted")]
        for row in rows[:LISTED]
    ]
    if number > LISTED:
        facts.append([(f"… and {number - LISTED} more", "muted")])
    facts += [[], [("what happens  ", "muted"), ("transcripts are deleted; this cannot be undone", "")]]
    facts += same_as(command("conversations", "delete", *(row.id for row in rows)), 14)
    title = f"DELETE {formats.plural(number, 'conversation').upper()}"
    keep = "keep it" if number == 1 else "keep them"
    if not await console.dialogs.confirm(title, facts, f"delete {number}", keep, number if number > 1 else 0):
        return None
    done, failed = await for_each(rows, lambda row: feed.send(DELETE_CONVERSATION, ConversationId(id=row.id)))
    _tell(console, failed)
    return f"Deleted {formats.plural(done, 'conversation')}." if done else None


async def claude(console: ConsoleHost, rows: Rows, feed: Feed) -> str:
    """Open it in the agent's own terminal."""
    from tui.actions.terminal_actions import open_in_claude

    return await open_in_claude(console, rows[0].id, feed)


async def export(console: ConsoleHost, row: ConversationRow, feed: Feed) -> str | None:
    """Write the whole conversation to a file, as Markdown, from its transcript on disk."""
    from tui.model.transcript_text import document

    name = exports.file_name(f"conversation-{row.id[:8]}", console.store.live_now, "md")
    facts: list[Line] = [[("what    ", "muted"), (fit(clean(row.title) or row.id, 60).rstrip(), "")]]
    asked = str(console.exports / name)
    typed = await console.dialogs.enter_text("EXPORT MARKDOWN", [*facts, []], "write", "a file or a folder", asked)
    if not typed:
        return None
    reader = TranscriptReader("")
    while await reader.pull_earlier(feed, row.id):
        pass
    if not reader.entries:
        return f"Nothing is exported: conversation {row.id[:8]} has no transcript."
    title = f"{row.id}  {row.title}".strip()
    text = await asyncio.to_thread(document, title, reader.entries, whole=not reader.full)
    path = await asyncio.to_thread(lambda: exports.write(exports.place(typed, name), text, console.exports))
    return f"Exported {formats.plural(len(reader.entries), 'entry')} to {clean(str(path))}"


def _tell(console: ConsoleHost, failed: Sequence[str]) -> None:
    if failed:
        console.notify("\n".join(failed[:FAILED_TOLD]), severity="error")


Act = Callable[["ConsoleHost", Rows, "Feed"], Coroutine[Any, Any, str | None]]
ACTS: dict[str, Act] = {
    "go_on": go_on,
    "fork": fork,
    "rename": rename,
    "archive": archive,
    "delete": delete,
    "claude": claude,
}
"""The acts by the names that the registry gives them."""
