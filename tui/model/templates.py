"""Templates of prompts: files of a folder, with placeholders that are asked for or chosen."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.base.text import nearest_name
from engine.requests import PRIORITIES

MAX_BYTES = 1024 * 1024
"""Bytes of one template."""
MOST = 200
"""Templates of a folder that are offered."""
MOST_PLACEHOLDERS = 50
SUFFIXES = (".md", ".txt")
_FENCE = "---"
_KNOWN = ("description", "profile", "priority")
_PLACEHOLDER = re.compile(r"\\\{\{|\{\{(.*?)\}\}|\{\{", re.DOTALL)
_NAME = re.compile(r"\s*([A-Za-z][\w -]{0,39}?)\s*(?:(:)(.*)|(=)(.*))?\s*\Z", re.DOTALL)


class TemplateError(ValueError):
    """What is wrong with a template."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One thing to fill in: one of the `options`, or a text that begins as `value`."""

    name: str
    options: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """One template; with a `problem` it cannot be used."""

    name: str
    text: str = ""
    description: str = ""
    profile: str = ""
    priority: str = ""
    placeholders: tuple[Placeholder, ...] = ()
    problem: str = ""

    def filled(self, values: Mapping[str, str]) -> str:
        """Its text with every placeholder filled in. Raises KeyError when one has no value."""
        return _PLACEHOLDER.sub(
            lambda found: "{{" if found[1] is None else values[_placeholder(found[1]).name], self.text
        )


def read_templates(folder: Path) -> list[Template]:
    """The templates of a folder by name, those with errors among them. Raises OSError."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.endswith(SUFFIXES) and entry.name[0] != ".")
    return [_read(folder / name) for name in names[:MOST]]


def parse(name: str, text: str) -> Template:
    """A template as it is written: facts between lines of `---`, then the text. Raises TemplateError."""
    facts, body = _parted(text.replace("\r\n", "\n"))
    for key in facts:
        if key not in _KNOWN:
            near = nearest_name(key, _KNOWN)
            raise TemplateError(f"there is no fact {key!r}" + (f"; did you mean {near!r}?" if near else ""))
    if (priority := facts.get("priority", "")) and priority not in PRIORITIES:
        raise TemplateError(f"priority {priority!r} is none of {', '.join(PRIORITIES)}")
    if not body.strip():
        raise TemplateError("it has no text")
    found: dict[str, Placeholder] = {}
    for match in _PLACEHOLDER.finditer(body):
        if match[0] == "{{":
            raise TemplateError(f"line {_line(text, body, match.start())}: a placeholder has no end `}}}}`")
        if match[1] is None:
            continue
        made = _placeholder(match[1])
        known = found.setdefault(made.name, made)
        if (made.options or made.value) and known != made:
            raise TemplateError(f"placeholder {made.name!r} is described twice")
    if len(found) > MOST_PLACEHOLDERS:
        raise TemplateError(f"it has more than {MOST_PLACEHOLDERS} placeholders")
    return Template(
        name, body.strip("\n"), facts.get("description", ""), facts.get("profile", ""), priority, tuple(found.values())
    )


def _read(path: Path) -> Template:
    try:
        if not path.is_file():
            return Template(path.stem, problem="it is no file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return Template(path.stem, problem=f"it cannot be read: {error.strerror}")
    if len(raw) > MAX_BYTES:
        return Template(path.stem, problem=f"it is larger than {MAX_BYTES:,} bytes")
    try:
        return parse(path.stem, raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Template(path.stem, problem=f"it is no UTF-8 text (byte {error.start})")
    except TemplateError as error:
        return Template(path.stem, problem=str(error))


def _parted(text: str) -> tuple[dict[str, str], str]:
    lines = text.split("\n")
    if lines[0].strip() != _FENCE:
        return {}, text
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), 0)
    if not end:
        raise TemplateError(f"line 1: the facts have no end `{_FENCE}`")
    facts: dict[str, str] = {}
    for number, line in enumerate(lines[1:end], 2):
        key, colon, value = line.partition(":")
        if not colon and line.strip():
            raise TemplateError(f"line {number}: {line.strip()[:40]!r} is no `name: value`")
        if line.strip():
            facts[key.strip()] = value.strip()
    return facts, "\n".join(lines[end + 1 :])


def _placeholder(inside: str) -> Placeholder:
    found = _NAME.match(inside)
    if found is None:
        raise TemplateError(f"{('{{' + inside[:40] + '}}')!r} names nothing to fill in")
    name = found[1]
    if found[2]:
        options = tuple(each.strip() for each in found[3].split("|") if each.strip())
        if not options:
            raise TemplateError(f"placeholder {name!r} has no options")
        return Placeholder(name, options)
    return Placeholder(name, value=(found[5] or "").strip())


def _line(text: str, body: str, at: int) -> int:
    """The line of the file that a place in its text is on."""
    return text.replace("\r\n", "\n").count("\n") - body.count("\n") + body.count("\n", 0, at) + 1
