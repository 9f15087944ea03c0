"""A call of a tool as a person reads it: the edit as a diff, the file with its first lines, the whole command."""

from __future__ import annotations

from typing import Any

import msgspec

from tui.render.code import code_lines
from tui.render.diff_lines import diff_lines
from tui.render.plain_text import clean, clean_lines
from tui.render.spans import Line
from tui.render.wrapping import wrap_line

_SHELL = ("Bash", "PowerShell")
_NOTED = "description"
"""An input that only describes the call."""


def tool_lines(tool: str, summary: str, detail: str, width: int) -> tuple[str, list[Line]]:
    """What stands beside the call's summary, and the lines below it; `detail` is its whole input as JSON."""
    given = _decoded(detail)
    if given is None:
        return "", _plain(detail, width)
    if "old_string" in given and "new_string" in given:
        return _edits([given], width)
    if isinstance(edits := given.get("edits"), list):
        return _edits([edit for edit in edits if isinstance(edit, dict)], width)
    for key in ("content", "new_source"):
        if isinstance(content := given.get(key), str) and ("file_path" in given or "notebook_path" in given):
            return _written(content, str(given.get("file_path") or "x.py"), width)
    if tool in _SHELL and isinstance(command := given.get("command"), str):
        known = command == summary
        return "", [] if known else _fitted(code_lines(command, "bash"), width)
    return "", _fields(given, summary, width)


def _decoded(detail: str) -> dict[str, Any] | None:
    if not detail:
        return {}
    try:
        given = msgspec.json.decode(detail)
    except (msgspec.DecodeError, RecursionError):  # it was too long to be kept whole
        return None
    return given if isinstance(given, dict) else None


def _edits(edits: list[dict[str, Any]], width: int) -> tuple[str, list[Line]]:
    lines: list[Line] = []
    added = removed = 0
    for edit in edits:
        found, more, less = diff_lines(str(edit.get("old_string") or ""), str(edit.get("new_string") or ""))
        lines += found
        added, removed = added + more, removed + less
    return f"+{added} −{removed}", _marked(lines, width)


def _written(content: str, path: str, width: int) -> tuple[str, list[Line]]:
    lines = code_lines(content.removesuffix("\n"), file=path)
    number = f"{len(lines)} line" if len(lines) == 1 else f"{len(lines)} lines"
    return number, _marked([[("+ ", "run"), *line] for line in lines], width)


def _fields(given: dict[str, Any], summary: str, width: int) -> list[Line]:
    """The inputs that the summary does not show."""
    lines: list[Line] = []
    for key, value in given.items():
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if shown != summary and key != _NOTED:
            first, *more = clean_lines(shown).split("\n")
            lines.append([(f"{clean(key)}  ", "muted"), (first, "")])
            lines += [[(f"  {clean(line)}", "")] for line in more]
    return _fitted(lines if len(lines) > 1 or len(given) > 1 else [], width)


def _plain(detail: str, width: int) -> list[Line]:
    """JSON that was cut: its strings' line ends as such."""
    return _fitted([[(clean(line), "")] for line in detail.replace("\\n", "\n").split("\n")], width)


def _marked(lines: list[Line], width: int) -> list[Line]:
    """Lines that begin with a mark, which stays beside the text however long that is."""
    return [
        [line[0] if not at else ("  ", ""), *part]
        for line in lines
        for at, part in enumerate(wrap_line(line[1:], width - 2))
    ]


def _fitted(lines: list[Line], width: int) -> list[Line]:
    return [part for line in lines for part in wrap_line(line, width)]
