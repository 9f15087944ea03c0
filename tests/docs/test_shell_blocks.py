"""Every shell block of the documentation runs as it stands."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.docs import shell
from tests.docs.blocks import Block, all_blocks, running
from tests.docs.shell import World
from tests.docs.situations import SITUATIONS

_ANY = re.escape("…")


def _parameters(*languages: str) -> list[Any]:
    """The blocks, those with the real CLI marked so."""
    return [
        pytest.param(block, id=block.id, marks=[pytest.mark.real_cli] if "--offline" in block.text else [])
        for block in running(*languages)
    ]


def exit_code(block: Block, command: str) -> int:
    """0, or what a comment before the block says."""
    wanted = {name: text for name, text in block.marks.items() if name.startswith("exit ")}
    return next((int(name.split()[1]) for name, text in wanted.items() if text in command), 0)


def _prepare(world: World, block: Block) -> None:
    for other in all_blocks():
        if other.page == block.page and "file" in other.marks:
            (world.files / other.marks["file"]).write_text(other.text)
    world.values = SITUATIONS[block.marks.get("with", "")](world)


@pytest.mark.parametrize("block", _parameters("sh"))
def test_commands_end_as_the_page_says(world: World, block: Block) -> None:
    _prepare(world, block)
    for command in shell.commands(block.text):
        if kind := shell.stays_open(command):
            assert (command, shell.opened(world, command, kind)) == (command, 0)
            continue
        done = world.run(command)
        assert (command, done.returncode) == (command, exit_code(block, command)), done.stdout + done.stderr


@pytest.mark.parametrize("block", _parameters("console"))
def test_commands_print_what_the_page_shows(world: World, block: Block) -> None:
    """Lines after `$ ` are commands, the others their output; `…` stands for anything."""
    _prepare(world, block)
    for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = session.partition("\n")
        done = world.run(command)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(re.escape(shown).replace(_ANY, ".*"), done.stdout), done.stdout
