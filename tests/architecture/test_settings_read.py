"""Every setting has a reader: one that nobody reads fails here, unless it says for which part it waits."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from engine.settings.catalogue import catalogue

ROOT = Path(__file__).parents[2]
DECLARED = {
    "schema.py", "schema_work.py", "schema_flow.py", "schema_agents.py", "schema_alerts.py", "schema_surface.py",
    "fields.py",
}  # fmt: skip


@cache
def reads() -> tuple[set[str], set[tuple[str, str]]]:
    """Groups that are read as a whole (`group.model_dump()`), and (group, setting) pairs read in one module."""
    whole: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "tui").rglob("*.py")]:
        if path.parent.name == "settings" and path.name in DECLARED - {"schema.py"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        names = {node.attr for node in attributes} | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        annotations = {name.lower() for name in names}
        read = {node.attr for node in attributes if isinstance(node.ctx, ast.Load)}
        for node in attributes:
            if node.attr == "model_dump" and isinstance(node.value, (ast.Attribute, ast.Name)):
                whole.add(node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id)
        pairs |= {(group, attr) for group in names | annotations for attr in read}
    return whole, pairs


def test_one_that_waits_for_its_part_would_be_found() -> None:
    assert ("security", "encryption_key") not in reads()[1]


@pytest.mark.parametrize("key", [key for key, setting in catalogue().items() if not setting.unused_before])
def test_a_setting_is_read(key: str) -> None:
    whole, pairs = reads()
    *above, leaf = key.split(".")
    if above[-1:] == ["*"]:
        above = ["profiles"]
    group = above[-1] if above else leaf
    parent = above[-2] if len(above) > 1 else ""
    if parent == "by_type":  # one group a type of error, all of which are read alike
        group = parent
    aliases = {group, group.replace("_", ""), group.rstrip("s"), f"{parent.rstrip('s')}{group}".lower()}
    assert group in whole or any((alias, leaf) in pairs for alias in aliases), f"{key} is read nowhere"
