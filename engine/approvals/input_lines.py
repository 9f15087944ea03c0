"""The whole input of a tool as lines: its texts, or the change that it makes to a file. Pure and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.approvals.concealing import Concealer
from engine.approvals.diffs import diff_of
from engine.approvals.editing import fields_of
from engine.approvals.risks import ToolRule

MOST_LINES = 50_000
"""Lines of one input that can be read; how many more there are is its last line."""
LINE_CHARACTERS = 2000
"""Characters of a line; a longer one goes on in the next."""
MOST_EDITS = 500
"""Edits of one request that are compared; the rest is shown as it is."""
_TAB = 4
_EDITS = frozenset({"Edit", "MultiEdit"})
_UNSEEN = re.compile(r"[^\x20-\x7e]")


class InputLine(msgspec.Struct, frozen=True):
    """One line; `kind` is text, name (of a field), more (of the line before), add, del, same, hunk or note."""

    kind: str
    text: str


@dataclass(slots=True)
class InputText:
    """The lines of an input; `total` counts those behind the bound too, `size` is in bytes."""

    lines: list[InputLine] = field(default_factory=list)
    total: int = 0
    added: int | None = None
    removed: int | None = None
    is_new_file: bool = False
    size: int = 0
    secrets: int = 0


def lines_of(
    tool: str, given: bytes, rule: ToolRule | None, before: str | None, hidden: Concealer, *, exists: bool
) -> InputText:
    """The lines of an input, a JSON object; `before` is the text of the file that it changes, None when not known."""
    fields = fields_of(given)
    found = InputText(size=len(given))
    if fields is None:
        drawn: Iterator[tuple[str, str]] = iter([("text", given.decode("utf-8", "replace"))])
    else:
        drawn = _drawn(tool, fields, rule, before, _Change(found, hidden), exists=exists)
    for kind, text in drawn:
        if found.total >= MOST_LINES:
            found.total += text.count("\n") + 1  # counted, and not looked at
        else:
            _add(found, kind, hidden.hide(text))
    if found.total > MOST_LINES:
        found.lines.append(InputLine("note", f"… {found.total - MOST_LINES:,} more lines, too many to show"))
    found.secrets = hidden.count
    return found


def visible(text: str) -> str:
    """A text in which everything that cannot be seen, or that a terminal would obey, is written out."""
    return text.expandtabs(_TAB) if text.isascii() and text.isprintable() else _UNSEEN.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    sign = found[0]
    if sign.isprintable():
        return sign
    if sign == "\t":
        return " " * _TAB
    code = ord(sign)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _add(found: InputText, kind: str, text: str) -> None:
    """Count all lines of a text, and keep those within the bound."""
    for number, line in enumerate(text.split("\n")):
        if found.total >= MOST_LINES:
            found.total += text.count("\n") + 1 - number
            return
        shown = visible(line)
        found.lines.append(InputLine(kind, shown[:LINE_CHARACTERS]))
        found.total += 1
        for at in range(LINE_CHARACTERS, len(shown), LINE_CHARACTERS):
            if found.total < MOST_LINES:
                found.lines.append(InputLine("more", shown[at : at + LINE_CHARACTERS]))
            found.total += 1


def _drawn(
    tool: str, fields: Mapping[str, Any], rule: ToolRule | None, before: str | None, change: _Change, *, exists: bool
) -> Iterator[tuple[str, str]]:
    main = rule.main if rule is not None else ""
    if isinstance(fields.get(main), str):
        yield "text", fields[main]
    shown = {main}
    if tool in _EDITS or tool in {"Write", "NotebookEdit"}:
        shown |= {"content", "old_string", "new_string", "edits", "new_source"}
        yield from change.lines(tool, fields, before, exists=exists)
    for key, value in fields.items():
        if key not in shown:
            yield from _field(key, value)


def _field(key: str, value: Any) -> Iterator[tuple[str, str]]:
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    if "\n" not in text and len(text) < LINE_CHARACTERS:
        yield "name", f"{key}: {text}"
        return
    yield "name", f"{key}:"
    yield "text", text


@dataclass(frozen=True, slots=True)
class _Change:
    """The lines of a change to a file: secrets are hidden in the whole texts, before these are compared by line."""

    found: InputText
    hidden: Concealer

    def lines(
        self, tool: str, fields: Mapping[str, Any], before: str | None, *, exists: bool
    ) -> Iterator[tuple[str, str]]:
        """The change; fields of another form than the tool's own are shown as they are."""
        match tool, fields:
            case "Write", {"content": str(content)}:
                yield from self._write(before, content, exists=exists)
            case "Edit", {"old_string": str(old), "new_string": str(new)}:
                yield from self._edit(old, new, fields.get("replace_all") is True, before)
            case "MultiEdit", {"edits": [*edits]}:
                yield from self._edits(edits, before)
            case "NotebookEdit", {"new_source": str(source)}:
                yield "note", f"a cell's new source, {_size(source)}"
                yield from self._compared("", source, hunks=False)
            case _:
                for key in ("content", "old_string", "new_string", "edits", "new_source"):
                    if key in fields:
                        yield from _field(key, fields[key])

    def _write(self, before: str | None, content: str, *, exists: bool) -> Iterator[tuple[str, str]]:
        self.found.is_new_file = not exists
        if exists and before is None:
            yield "note", f"what it may replace could not be compared; {_size(content)} of new text"
        elif not exists:
            yield "note", f"new file, {_size(content)}"
        yield from self._compared(before or "", content, hunks=exists)

    def _edits(self, edits: Sequence[Any], before: str | None) -> Iterator[tuple[str, str]]:
        for edit in edits[:MOST_EDITS]:
            match edit:
                case {"old_string": str(old), "new_string": str(new)}:
                    yield from self._edit(old, new, edit.get("replace_all") is True, before)
                case _:
                    yield from _field("edits", edit)
        if len(edits) > MOST_EDITS:
            yield from _field(f"{len(edits) - MOST_EDITS} more edits", edits[MOST_EDITS:])

    def _edit(self, old: str, new: str, everywhere: bool, before: str | None) -> Iterator[tuple[str, str]]:
        first, times = 1, 1
        if before is not None:
            times = before.count(old) if old else 0
            at = before.find(old) if old else -1
            first = before.count("\n", 0, at) + 1 if at >= 0 else 1
            if old and not times:
                yield "note", "the old text is not in the file as it is now"
            elif everywhere and times > 1:
                yield "note", f"replaces all {times} places"
        yield from self._compared(old, new, first, hunks=before is not None)

    def _compared(self, old: str, new: str, first: int = 1, *, hunks: bool) -> Iterator[tuple[str, str]]:
        found, diff = self.found, diff_of(self.hidden.hide(old), self.hidden.hide(new), first)
        found.added, found.removed = (found.added or 0) + diff.added, (found.removed or 0) + diff.removed
        if not diff.compared:
            yield "note", "too long to compare line by line: all old lines, then all new ones"
        for kind, text in diff.lines:
            if hunks or kind != "hunk":
                yield kind, text


def _size(text: str) -> str:
    lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    return f"{lines:,} {'line' if lines == 1 else 'lines'}, {len(text.encode('utf-8', 'surrogatepass')):,} bytes"
