"""What the house rules forbid or ask of every source file, read from the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("engine", "tui") for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(), str(path))


def calls(node: ast.AST, *, in_loop: bool = False) -> Iterator[tuple[ast.Call, bool]]:
    """Every call below a node, and whether a `while` loop of the same function is around it."""
    for child in ast.iter_child_nodes(node):
        inside = (in_loop or isinstance(child, ast.While)) and not isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        if isinstance(child, ast.Call):
            yield child, inside
        yield from calls(child, in_loop=inside)


def place(path: Path, node: ast.expr | ast.stmt) -> str:
    """Where to look."""
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_test_sleeps_for_time_to_pass() -> None:
    """A sleep belongs into a loop that waits for a condition; `sleep(0)` only lets others run."""
    found = [
        place(path, call)
        for path in TESTS
        for call, in_loop in calls(tree_of(path))
        if ast.unparse(call.func) in {"time.sleep", "asyncio.sleep"}
        and not in_loop
        and ast.unparse(call.args[0]) != "0"
    ]
    assert found == []


def test_commands_print_through_the_one_helper_that_cleans() -> None:
    """What is printed may hold a caller's text; `tui.cli.output` makes it harmless for a terminal."""
    printing = {"click.echo", "click.secho", "click.echo_via_pager", "print", "sys.stdout.write", "sys.stderr.write"}
    commands = [path for path in SOURCES if path.parent.name in {"commands", "cli"} and path.name != "output.py"]
    assert len(commands) > 20
    found = [
        place(path, call) for path in commands for call, _ in calls(tree_of(path)) if ast.unparse(call.func) in printing
    ]
    assert found == []


def test_every_module_says_what_it_holds() -> None:
    found = [path for path in [*SOURCES, *TESTS] if path.read_text().strip() and not ast.get_docstring(tree_of(path))]
    assert found == []


def test_every_public_class_and_function_says_what_it_is_for() -> None:
    found = [
        f"{place(path, node)} {node.name}"
        for path in SOURCES
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert found == []


def test_no_process_is_started_through_a_shell_or_with_code_between_fork_and_exec() -> None:
    shells = {"os.system", "os.popen", "asyncio.create_subprocess_shell", "loop.subprocess_shell"}
    found = [
        place(path, call)
        for path in SOURCES
        for call, _ in calls(tree_of(path))
        if {"preexec_fn", "shell"} & {keyword.arg for keyword in call.keywords} or ast.unparse(call.func) in shells
    ]
    assert found == []


def test_nobody_reaps_all_children_at_once() -> None:
    """`waitpid(-1)` steals the exits that asyncio waits for."""
    found = [
        place(path, call)
        for path in SOURCES
        for call, _ in calls(tree_of(path))
        if ast.unparse(call.func) in {"os.wait", "os.wait3", "os.wait4"}
        or (ast.unparse(call.func) == "os.waitpid" and ast.unparse(call.args[0]) == "-1")
    ]
    assert found == []


def test_only_the_clock_and_its_named_neighbours_read_the_time() -> None:
    """Time is injected; those who read it themselves stand on the border and are listed here with their reason."""
    borders = {
        "engine/base/clock.py",  # the clock
        "engine/base/gate.py",  # a thread that waits for another process
        "engine/simulated_agent/agent.py",  # a process of its own
        "engine/simulated_agent/background.py",
        "engine/simulated_agent/endings.py",
        "engine/simulated_agent/lines.py",
        "engine/simulated_agent/subagent.py",
        "engine/simulated_agent/tool_use.py",
        "engine/simulated_agent/tools.py",
        "engine/chaos/abuse/attacks.py",  # a process of its own
        "engine/chaos/abuse/healthy.py",  # a thread of its own, with no loop
    }
    readers = {"time.time", "time.monotonic", "datetime.now", "datetime.datetime.now"}
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for call, _ in calls(tree_of(path))
        if ast.unparse(call.func) in readers and path.is_relative_to(ROOT / "engine") and "bench" not in path.parts
    }
    assert found <= borders
