"""Every YAML, TOML, JSON and Python block of the documentation is what it says it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import Block, running
from tests.docs.shell import World


def _settings(world: World, path: Path) -> str:
    return f"quarterdeck config check --config {path}"


def _rules(world: World, path: Path) -> str:
    return f"quarterdeck classify --rules --set recovery.rules={path}"


def _keys(world: World, path: Path) -> str:
    return f"quarterdeck keys check {path}"


KINDS: Mapping[str, Callable[[World, Path], str]] = {"settings": _settings, "rules": _rules, "keys": _keys}
"""The command that reads a file of each kind, and fails where it is wrong."""


def ids(block: object) -> str | None:
    """A block's place."""
    return block.id if isinstance(block, Block) else None


@pytest.mark.parametrize("block", running("yaml", "toml"), ids=ids)
def test_a_file_is_read_by_the_command_it_is_for(world: World, block: Block) -> None:
    kind = block.marks.get("is", "settings" if block.language == "yaml" else "")
    path = world.files / f"{block.line}.{block.language}"
    path.write_text(block.text)
    done = world.run(KINDS[kind](world, path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_file_is_refused(world: World, kind: str) -> None:
    path = world.files / "wrong"
    path.write_text("unheard-of: 1\n" if kind == "settings" else "unheard-of = 1\n")
    assert world.run(KINDS[kind](world, path)).returncode != 0


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
    exec(compile(block.text, block.id, "exec"), {"__name__": "__example__"})


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
