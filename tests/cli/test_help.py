"""Every command explains itself, with an example that can be run, and the shell completes its name."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.support.headless import quarterdeck as run
from tui.cli.main import COMMANDS, quarterdeck


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


ALL = dict(commands(quarterdeck))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_says_what_it_is_for(path: tuple[str, ...]) -> None:
    for flag in ("--help", "-h") if not path else ("--help",):
        result = CliRunner().invoke(quarterdeck, [*path, flag])
        assert (result.exit_code, result.output.startswith("Usage: ")) == (0, True)
        assert len(result.output.split("\n\n")[1].split()) >= 3


@pytest.mark.parametrize("path", [path for path in ALL if len(path) < 2], ids=" ".join)
def test_the_example_of_the_help_is_a_command_line_that_works(path: tuple[str, ...]) -> None:
    epilog = ALL[path].epilog or ""
    assert epilog.startswith("Example: quarterdeck ")
    program, *words = shlex.split(epilog.removeprefix("Example: ").split("   ")[0])
    command: click.Command = quarterdeck
    context = command.make_context(program, words)
    assert (words[0] == path[0]) if path else True
    while isinstance(command, click.Group) and context._protected_args:
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command, context = found, found.make_context(name, rest, parent=context)


@pytest.mark.parametrize(
    ("words", "word", "offered"),
    [
        ("quarterdeck ", 1, set(COMMANDS)),
        ("quarterdeck con", 1, {"config", "conversations"}),
        ("quarterdeck config un", 2, {"undo"}),
        ("quarterdeck run --backend ", 3, {"claude", "simulator"}),
    ],
)
def test_the_shell_completes_words(home: Path, words: str, word: int, offered: set[str]) -> None:
    asked = {"_QUARTERDECK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(word)}
    done = run(home, **asked)
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_can_be_installed_for_other_shells(home: Path, shell: str) -> None:
    done = run(home, _QUARTERDECK_COMPLETE=f"{shell}_source")
    assert (done.returncode, "_QUARTERDECK_COMPLETE=" in done.stdout) == (0, True)


def test_the_version_is_told(home: Path) -> None:
    from engine import __version__

    done = run(home, "--version")
    assert (done.returncode, done.stdout) == (0, f"quarterdeck, version {__version__}\n")
