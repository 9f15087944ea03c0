"""How commands print: tables for people on a terminal, plain lines or JSON in a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from engine.base.errors import bounded
from tui.render.plain_text import clean, clean_lines, escape_json


def echo(text: Any = "", *, nl: bool = True, err: bool = False) -> None:
    """Text for people: cleaned of what a terminal would obey when it goes to one, byte for byte in a pipe."""
    shown = str(text)
    if (sys.stderr if err else sys.stdout).isatty():
        shown = clean_lines(shown)
    click.echo(shown, nl=nl, err=err, color=True)  # else click takes escapes out of what goes to a pipe


def echo_marked(mark: str, colour: str, text: str) -> None:
    """A line that begins with a coloured mark."""
    click.echo(f"{click.style(clean(mark), fg=colour)} {clean(text)}")


def show_progress(text: str, *, in_place: bool) -> None:
    """What is done now, on standard error; `in_place` writes over what stood there, for a terminal."""
    click.echo(f"\r\x1b[K{clean(text)}" if in_place else clean(text), nl=not in_place, err=True)


def show_usage_error(error: click.ClickException) -> None:
    """What click says of a wrong command line, which names what was typed, on standard error."""
    said = io.StringIO()
    error.show(said)
    echo(bounded(said.getvalue().rstrip("\n")), err=True)


def print_json(value: Any) -> None:
    """One JSON document; what a terminal would obey is escaped, in a pipe too."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2 if sys.stdout.isatty() else 0)
    click.echo(escape_json(text.decode()))


def print_table(rows: Sequence[Sequence[Any]], header: Sequence[str], name: str = "") -> None:
    """Aligned columns with a header on a terminal, folded to its width; tab-separated lines in a pipe.

    The `name` of a table that follows another one is a line above it on a terminal, and the first cell of each line of
    it in a pipe.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        title = f"\n{click.style(clean(name), bold=True)}\n" if name else ""
        click.echo(title + _aligned(cells, header), nl=False, color=True)
        return
    for row in cells:
        click.echo("\t".join([name, *row] if name else row), color=True)


def _aligned(cells: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    from rich.console import Console  # only a terminal pays for it
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in header:
        table.add_column(Text(name.upper()), overflow="fold")
    for row in cells:
        table.add_row(*(Text(clean(cell)) for cell in row))
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().rstrip("\n").split("\n"))
