"""What can be taken out of the console: rows onto the terminal's clipboard, a view into a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.base.errors import QuarterdeckError
from tui.actions import exports
from tui.model import tables
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.model.tables import Table

MAX_COPIED = 72 * 1024
"""Bytes that are put on the clipboard; many terminals drop a longer OSC 52."""
_SHOWN = 40
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_CELL = "c"


@dataclass(frozen=True, slots=True)
class CopyOption:
    """One thing to copy: the letter that takes it, what it is, and how to make it."""

    letter: str
    what: str
    make: Callable[[], str]


def offers(chosen: Table, ids: str = "") -> list[CopyOption]:
    """What can be copied of these rows; `ids` where they are not those of the rows."""
    several = len(chosen.rows) > 1
    return [
        CopyOption("r", "rows" if several else "row", lambda: tables.as_texts(chosen)),
        CopyOption("i", "ids" if several and not ids else "id", lambda: ids or tables.as_ids(chosen)),
        CopyOption("j", "JSON", lambda: tables.as_objects(chosen)),
        CopyOption("l", "command line", lambda: tables.as_commands(chosen)),
    ]


def copy(console: ConsoleHost, chosen: Table | None, offered: Sequence[CopyOption] = ()) -> None:
    """Ask what to copy of these rows, and copy it."""
    if chosen is None or not chosen.rows:
        console.notify("There is nothing here to copy.")
        return
    console.carry_out(_copy(console, chosen, offered or offers(chosen)))


def export(console: ConsoleHost, table: Table | None, document: Callable[[], Awaitable[str]] | None = None) -> None:
    """Ask how and where to, and write the view to a file; `document` is its text to read, where it has one."""
    if table is None:
        console.notify("There is nothing here to export.")
        return
    console.carry_out(_export(console, table, document))


async def _copy(console: ConsoleHost, chosen: Table, offered: Sequence[CopyOption]) -> None:
    rows = f"{len(chosen.rows)} marked rows" if len(chosen.rows) > 1 else clean(chosen.rows[0].id)
    options = [(offer.letter, f"{offer.what:<14}{_preview(offer.make())}") for offer in offered]
    options.insert(1, (_CELL, "cell…"))
    taken = await console.dialogs.choose_letter(f"COPY  {rows}", options)
    if taken == _CELL:
        await _copy_cell(console, chosen)
    for offer in offered:
        if offer.letter == taken:
            _put(console, offer.make(), offer.what)


async def _copy_cell(console: ConsoleHost, chosen: Table) -> None:
    cells = ["\n".join(row.texts[at] for row in chosen.rows) for at in range(len(chosen.keys))]
    options = [(title, _preview(cell)) for title, cell in zip(chosen.titles, cells, strict=True)]
    title = await console.dialogs.choose("COPY A CELL", options, "", keys="enter copy · esc close")
    if title:
        _put(console, cells[chosen.titles.index(title)], title)


def _put(console: ConsoleHost, text: str, what: str) -> None:
    size = len(text.encode("utf-8", "backslashreplace"))
    if not text:
        console.notify("It is empty; nothing is copied.")
    elif size > MAX_COPIED:
        limit = formats.size(MAX_COPIED)
        console.notify(
            f"{formats.size(size)} are more than a terminal's clipboard takes ({limit}): export it.", severity="warning"
        )
    else:
        console.copy_to_clipboard(text)
        console.notify(f"Copied {what}: {_preview(text).rstrip()}")


def _preview(text: str) -> str:
    first, *more = text.split("\n")
    return fit(first, _SHOWN).rstrip() + (f"  +{formats.plural(len(more), 'line')}" if more else "")


async def _export(console: ConsoleHost, table: Table, document: Callable[[], Awaitable[str]] | None) -> None:
    facts = _facts(table)
    options = [
        ("c", "CSV    for a spreadsheet"),
        ("j", "JSON   for a program"),
        ("s", "SVG    the screen as it stands"),
    ]
    if document is not None:
        options.insert(0, ("m", "Markdown  the whole conversation, to read"))
    letter = await console.dialogs.choose_letter("EXPORT THIS VIEW", options, [*facts, []])
    if not letter:
        return
    match letter:
        case "c":
            kind, text = "csv", tables.as_csv(table)
        case "j":
            kind, text = "json", tables.as_json(table)
        case "m" if document is not None:
            kind, text = "md", await document()
        case _:
            kind, text = "svg", _drawn(console, table)
    own = console.exports
    name = exports.file_name(table.name, table.at, kind)
    title = f"EXPORT {kind.upper()}"
    typed = await console.dialogs.enter_text(title, facts, "write", "a file or a folder", str(own / name))
    if not typed:
        return
    try:
        path = await asyncio.to_thread(lambda: exports.write(exports.place(typed, name), text, own))
    except QuarterdeckError as error:
        console.notify(str(error), severity="error")
    else:
        console.notify(f"Exported to {clean(str(path))}")


def _facts(table: Table) -> list[Line]:
    shown = f"{len(table.rows)} of {table.of}" if len(table.rows) != table.of else str(len(table.rows))
    shown += ", the marked ones" if table.marked else ""
    facts: list[Line] = [[("rows     ", "muted"), (shown, "")], [("columns  ", "muted"), (" ".join(table.keys), "")]]
    if table.filter:
        facts.append([("filter   ", "muted"), (table.filter, "")])
    return [*facts, [("moment   ", "muted"), (formats.clock(table.at), "")]]


def _drawn(console: ConsoleHost, table: Table) -> str:
    """The screen as a picture that asks nobody for a font."""
    svg = console.export_screenshot(title=f"{console.theming.pool_name}  {table.name}  {formats.clock(table.at)}")
    return _FONT_FACE.sub("", svg)
