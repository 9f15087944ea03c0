"""The shape of the whole: no circles, one place for each decision, modules and functions of a size to read."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache

import grimp
import pytest

from tests.architecture.test_source import ROOT, SOURCES, place, tree_of

LONGEST_FUNCTION = 45
COMPOSITION_ROOT = 250
DECISIONS = {
    "engine.dispatch.next_step": {
        "engine.dispatch.dispatcher",
        "engine.dispatch.active_request",
        "engine.library.retrying",
    },
    "engine.recovery.retry.backoff": {
        "engine.dispatch.next_step",
        "engine.library.policies",
        "engine.recovery.retry.policy",
    },
}
"""Who may import what decides on retries: the decision itself, and those that carry it out."""
KNOWN_TO_THE_CONSOLE = {
    f"engine.{name}" for name in ("base", "events", "library", "operations", "requests", "settings")
}
FACTS_OF_ERRORS = {"acted", "remedy", "retryable", "verdict", "votes"}


@cache
def graph() -> grimp.ImportGraph:
    """Who imports whom, imports for type checking included."""
    return grimp.build_graph("engine", "tui")


def circles(nodes: set[str]) -> Iterator[list[str]]:
    """The strongly connected groups of modules (Tarjan), of more than one."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(node: str) -> Iterator[list[str]]:
        index[node] = low[node] = len(index)
        stack.append(node)
        for imported in graph().find_modules_directly_imported_by(node) & nodes:
            if imported not in index:
                yield from visit(imported)
                low[node] = min(low[node], low[imported])
            elif imported in stack:
                low[node] = min(low[node], index[imported])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[-len(group) :]
            if len(group) > 1:
                yield sorted(group)

    for node in sorted(nodes):
        if node not in index:
            yield from visit(node)


@pytest.mark.parametrize("package", ["engine", "tui"])
def test_no_files_import_each_other_in_a_circle(package: str) -> None:
    assert list(circles({name for name in graph().modules if name.partition(".")[0] == package})) == []


def test_the_contract_of_the_console_names_every_part_of_the_engine() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (forbidden,) = [each["forbidden_modules"] for each in contracts if each.get("source_modules") == ["tui"]]
    assert set(forbidden) | KNOWN_TO_THE_CONSOLE == graph().find_children("engine")


@pytest.mark.parametrize("module", sorted(DECISIONS))
def test_retry_waits_recovery_and_giving_up_are_decided_in_one_place(module: str) -> None:
    importers = {name for name in graph().find_modules_that_directly_import(module) if name.startswith("engine.")}
    assert importers <= DECISIONS[module]


def test_an_error_never_changes_once_it_was_raised() -> None:
    changed = [
        place(path, target)
        for path in SOURCES
        if path.name != "errors.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assign)
        for each in node.targets
        for target in (each.elts if isinstance(each, ast.Tuple) else [each])
        if isinstance(target, ast.Attribute) and target.attr in FACTS_OF_ERRORS and ast.unparse(target.value) != "self"
    ]
    assert changed == []


def test_no_function_is_too_long_to_read() -> None:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    long = [
        f"{place(path, node)} {node.name}"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, functions) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_the_composition_root_is_a_list_of_parts() -> None:
    (root,) = [path for path in SOURCES if path.as_posix().endswith("engine/engine.py")]
    assert len(root.read_text().splitlines()) <= COMPOSITION_ROOT
