"""Nothing in the product is there for the tests alone."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FACES = frozenset({"engine", "engine.library"})
"""What programs import: its users are outside."""
KEPT = {
    ("engine.sessions.carry_over", "CARRY_OVER"): "the list of docs/isolation.md, probed against the installed CLI",
    ("engine.settings.reference", "environment_example"): "`make docs` calls it",
}
_WORD = re.compile(r"\w+")


def sources(*folders: str) -> Iterator[ast.Module]:
    """The syntax trees of the modules below these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text())


def mentioned(tree: ast.Module) -> Counter[str]:
    """How often a module names each thing, in code or in a string that is no docstring."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name):
                found[name] += 1
            case ast.Constant(value=str(text)) if id(node) not in prose:
                found.update(_WORD.findall(text))
    return found


def test_what_a_test_imports_is_named_by_the_product_too() -> None:
    named: Counter[str] = Counter()
    for tree in sources("engine", "tui", "screenshots"):
        named += mentioned(tree)
    taken = {
        (node.module, each.name)
        for tree in sources("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("engine.", "tui."))
        for each in node.names
    }
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("[et]*/**/*.py")}
    for_tests = {one for one in taken if not named[one[1]] and ".".join(one) not in modules and one[0] not in FACES}
    assert for_tests == KEPT.keys()
