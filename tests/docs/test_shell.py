"""How the tests read a shell block."""

from __future__ import annotations

import pytest

from tests.docs.blocks import ROOT, Block
from tests.docs.shell import World, commands, stays_open
from tests.docs.test_shell_blocks import exit_code


def test_comments_are_dropped_and_continued_lines_joined() -> None:
    text = "# first\n\nquarterdeck run 'a # b'   # says so\ncurl --data x \\\n     http://y\n"
    assert list(commands(text)) == ["quarterdeck run 'a # b'   # says so", "curl --data x       http://y"]


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("quarterdeck --offline", ""),
        ("quarterdeck --offline --engine-only   # a log", "--engine-only"),
        ("quarterdeck web --read-only", "web"),
        ("quarterdeck web --help", None),
        ("quarterdeck run attach", None),
        ("attach", None),
    ],
)
def test_a_command_that_stays_open_is_known(command: str, kind: str | None) -> None:
    assert stays_open(command) == kind


def test_a_command_that_fails_is_found(world: World) -> None:
    assert world.run("quarterdeck config get unheard.of").returncode == 2
    assert world.run("false | true").returncode == 1


def test_ids_ports_and_make_are_filled_in(world: World) -> None:
    world.values = {"g12": "g1"}
    assert world.filled("quarterdeck permissions revoke g12") == "quarterdeck permissions revoke g1"
    assert world.filled("make lint").startswith("make --dry-run -C ")
    assert "8321" not in world.filled("quarterdeck web --port 8321")
    assert world.run("make unheard").returncode == 2


def test_another_exit_code_is_only_that_of_the_command_it_names() -> None:
    block = Block(ROOT / "x.md", 1, "sh", "", {"exit 1": "fault"})
    assert [exit_code(block, command) for command in ("run fault", "run")] == [1, 0]
