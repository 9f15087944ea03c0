"""What the prose of a page names is there: links, files, commands, settings and routes."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import click
import httpx
import pytest

from engine.settings.catalogue import catalogue
from engine.settings.schema import Settings
from tests.docs.blocks import ROOT, pages, prose
from tests.docs.shell import World
from tui.cli.main import quarterdeck

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_CODE = re.compile(r"`([^`]+)`", re.DOTALL)
_FILE = re.compile(r"(?:engine|tui|themes|tests|docs|examples|screenshots|supply)/[\w./-]+")
_SETTING = re.compile(rf"(?:{'|'.join(Settings.model_fields)})(?:\.[a-z_]+)+")
_ROUTE = re.compile(r"/(?:api/[\w/{}]+|healthz|readyz|metrics|openapi\.json)")
_HISTORY = {"CHANGELOG.md"}
"""Pages that may name what is no longer there."""
_FILES = (".db", ".lock", ".sock")
"""Ends of names that are no setting's, though a group's name stands before them."""
PAGES = [page for page in pages() if page.name not in _HISTORY]


def name(page: Path) -> str:
    """A page as the test report names it."""
    return str(page.relative_to(ROOT))


def code(page: Path) -> list[str]:
    """The inline code of a page, on one line each."""
    return [" ".join(found.split()) for found in _CODE.findall(prose(page.read_text()))]


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(prose(page.read_text())) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_are_there(page: Path) -> None:
    named = {found for text in code(page) if (found := text.rstrip("/")) and _FILE.fullmatch(found)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_are_there(page: Path) -> None:
    named = {found[0] for text in code(page) if (found := _SETTING.fullmatch(text)) and not text.endswith(_FILES)}
    assert [key for key in sorted(named) if not _is_setting(key)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_are_there(page: Path) -> None:
    """`quarterdeck WORDS`: each word is a command of the one before, each option one that it takes."""
    lines = [text for text in code(page) if text.startswith("quarterdeck ")]
    assert {line: problem for line in lines if (problem := wrong(line))} == {}


def test_a_wrong_command_is_found() -> None:
    assert wrong("quarterdeck config unsave") == "no command unsave"
    assert wrong("quarterdeck run --unheard hello") == "no option --unheard"
    assert wrong("quarterdeck run --stream 'config unsave'") == ""


def wrong(line: str) -> str:
    """What a command line names that is not there; empty for none. Words that are arguments are not judged."""
    command: click.Command = quarterdeck
    for word in shlex.split(line)[1:]:
        option = word.partition("=")[0]
        if option.startswith("-"):
            if option not in _options(command):
                return f"no option {option}"
        elif isinstance(command, click.Group) and not word.isupper() and "|" not in word:
            found = command.get_command(click.Context(command, **command.context_settings), word)
            if found is None:
                return "" if command.invoke_without_command else f"no command {word}"
            command = found
    return ""


@cache
def _options(command: click.Command) -> set[str]:
    context = click.Context(command, **command.context_settings)
    return {option for parameter in command.get_params(context) for option in parameter.opts}


def _is_setting(key: str) -> bool:
    return any(known == key or known.startswith(f"{key}.") for known in catalogue())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_routes_are_there(world: World, page: Path) -> None:
    """A path that the API knows refuses the method by name, any other is not found."""
    named = {found[0] for text in code(page) for found in _ROUTE.finditer(text)}
    transport = httpx.HTTPTransport(uds=str(world.engine.socket))
    with httpx.Client(transport=transport, base_url="http://engine") as http:
        known = {path: http.request("PROPFIND", re.sub(r"\{\w+\}", "x", path)).status_code for path in sorted(named)}
    assert {path: status for path, status in known.items() if status != httpx.codes.METHOD_NOT_ALLOWED} == {}


def test_a_path_that_is_not_there_is_found(world: World) -> None:
    transport = httpx.HTTPTransport(uds=str(world.engine.socket))
    with httpx.Client(transport=transport, base_url="http://engine") as http:
        assert http.request("PROPFIND", "/api/unheard").status_code == httpx.codes.NOT_FOUND
