"""An operation called from the `:` line: confirmed, executed, reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from engine.operations.operation import Operation
from tui.actions.operation_lines import fields_of, values_of
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed

_VALUE = 60
"""Columns of a value in the question."""


async def call(console: ConsoleHost, operation: Operation[Any, Any], args: msgspec.Struct, feed: Feed) -> str | None:
    """Confirm, execute, and report: the declared sentence, or that it is done. Raises what the engine answered."""
    given = values_of(args)
    facts: list[Line] = [[(f"{name:<14}", "muted"), (fit(str(value), _VALUE).rstrip(), "")] for name, value in given]
    question = operation.confirm.format_map(dict(given)) if operation.confirm else operation.summary
    facts += [[], [("what happens  ", "muted"), (question, "")]]
    title = operation.id.replace(".", " ").replace("_", " ").upper()
    if not await console.dialogs.confirm(title, facts, "do it", "leave it"):
        return None
    result = await feed.send(operation, args)
    if operation.sentence:
        return operation.sentence.format_map({**fields_of(result), **fields_of(args)})
    return f"Done: {title.lower()}."
