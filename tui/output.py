"""How commands print: tables for people on a terminal, plain lines or JSON in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec


def print_json(value: Any) -> None:
    """One JSON document."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2 if sys.stdout.isatty() else 0)
    click.echo(text.decode())


def print_table(rows: Sequence[Sequence[Any]], header: Sequence[str]) -> None:
    """Aligned columns with a header on a terminal, tab-separated lines in a pipe."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            click.echo("\t".join(row))
        return
    widths = [max(len(line[i]) for line in [list(header), *cells]) for i in range(len(header))]
    click.secho("  ".join(name.upper().ljust(width) for name, width in zip(header, widths, strict=True)), dim=True)
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
