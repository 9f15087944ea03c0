"""Every YAML, TOML, JSON and Python block of the documentation is what it says it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.docs.blocks import Block, running
from tests.docs.shell import World
from tui.cli.main import quarterdeck

KINDS: Mapping[str, Sequence[str]] = {
    "settings": ("config", "check", "--config"),
    "rules": ("classify", "--rules", "--set"),
    "keys": ("keys", "check"),
}
"""The command that reads a file of each kind, and fails where it is wrong."""


def check(kind: str, path: Path) -> Result:
    """Let the command of the kind read a file, in this process."""
    argument = f"recovery.rules={path}" if kind == "rules" else str(path)
    return CliRunner().invoke(quarterdeck, [*KINDS[kind], argument])


def ids(block: object) -> str | None:
    """A block's place."""
    return block.id if isinstance(block, Block) else None


@pytest.mark.parametrize("block", running("yaml", "toml"), ids=ids)
def test_a_file_is_read_by_the_command_it_is_for(tmp_path: Path, block: Block) -> None:
    path = tmp_path / f"example.{block.language}"
    path.write_text(block.text)
    done = check(block.marks.get("is", "settings" if block.language == "yaml" else ""), path)
    assert (done.exit_code, done.exception) == (0, None), done.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "wrong"
    path.write_text("unheard-of: 1\n" if kind == "settings" else "unheard-of = 1\n")
    assert check(kind, path).exit_code != 0


@pytest.mark.parametrize("block", running("json"), ids=ids)
def test_json_can_be_read(block: Block) -> None:
    assert parsed(block.text)


@pytest.mark.parametrize("block", [block for block in running("json") if "answer" in block.marks], ids=ids)
def test_an_answer_has_the_keys_that_are_shown(world: World, block: Block) -> None:
    (shown,) = parsed(block.text)
    method, path, *body = block.marks["answer"].split(" ", 2)
    data = world.engine.call(method, path, *map(json.loads, body))
    assert shape(shown) == shape({"success": True, "data": data})


@pytest.mark.parametrize("block", running("python"), ids=ids)
def test_python_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__example__"}
    exec(compile(block.text, block.id, "exec"), names)
    assert names.keys() > {"__name__", "__builtins__"}, "the block defines and imports nothing"


def parsed(text: str) -> list[Any]:
    """One document, or one a line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def shape(value: Any) -> Any:
    """The keys of all objects, and the first element of a list in its place; values do not count."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None
