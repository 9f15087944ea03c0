"""Where the paths of an action lead: links, patterns and folders that a command enters."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.approvals.actions import Action, normalise
from tests.approvals.test_actions import BOOK, key


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("cat link/passwd", "outside"),
        ("cat sub/../link/passwd", "outside"),
        ("cd sub && cat deep/passwd", "outside"),
        ("echo x > link/new", "outside"),
        ("cp a link/b", "outside"),
        ("cat note", "secret"),
        ("cat own/file", "read"),
        ("cat sub/file", "read"),
        ("touch sub/new/file", "write"),
    ],
)
def test_a_place_is_what_a_path_leads_to(tmp_path: Path, command: str, risk: str) -> None:
    """A link in the workspace to somewhere else is not in the workspace."""
    away, work = tmp_path / "away", tmp_path / "work"
    (work / "sub").mkdir(parents=True)
    (away / ".ssh").mkdir(parents=True)
    (work / "link").symlink_to("/etc")
    (work / "sub" / "deep").symlink_to("/etc")
    (work / "note").symlink_to(away / ".ssh" / "id_rsa")
    (work / "own").symlink_to(work / "sub")
    given_input = json.dumps({"command": command}).encode()
    assert normalise("Bash", given_input, str(work), BOOK, os.path.realpath).risk.word == risk


@pytest.mark.parametrize("tool", ["Write", "Edit", "Read"])
def test_files_of_tools_are_followed_too(tmp_path: Path, tool: str) -> None:
    (tmp_path / "link").symlink_to("/etc")
    given_input = json.dumps({"file_path": str(tmp_path / "link" / "passwd")}).encode()
    assert normalise(tool, given_input, str(tmp_path), BOOK, os.path.realpath).risk.word == "outside"


def test_a_grant_is_not_for_the_same_names_after_a_link_moved(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    given_input = json.dumps({"command": "cat sub/file"}).encode()
    before = normalise("Bash", given_input, str(tmp_path), BOOK, os.path.realpath)
    (tmp_path / "sub").rmdir()
    (tmp_path / "sub").symlink_to("/etc")
    after = normalise("Bash", given_input, str(tmp_path), BOOK, os.path.realpath)
    assert (before.risk.word, after.risk.word) == ("read", "outside")
    assert key(before) != key(after)
    assert "/etc/file" in after.form


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A workspace with links that leave it."""
    for folder in ("sub", "x:", "src"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "link").symlink_to("/etc")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "a=b").symlink_to("/etc/passwd")
    return tmp_path


def followed(tool: str, work: Path, **fields: Any) -> Action:
    """The action of one tool use in a workspace whose links are followed."""
    return normalise(tool, json.dumps(fields).encode(), str(work), BOOK, os.path.realpath)


@pytest.mark.parametrize("tool", ["Write", "Edit", "Read"])
@pytest.mark.parametrize("name", ["x://../../etc/cron.d/evil", "x://link/a", "a=b", "../etc=x", "https://../../x"])
def test_a_path_of_a_tool_is_never_taken_for_a_url_or_a_flag(linked: Path, tool: str, name: str) -> None:
    assert followed(tool, linked, file_path=f"{linked}/{name}").risk.word == "outside"
    assert followed(tool, linked, file_path="/etc/cron.d/a=b").risk.word == "outside"


@pytest.mark.parametrize(
    "command",
    [
        "echo x > x://../../etc/evil",
        "cp a x://../../etc/evil",
        "tee x://link/a",
        "cat file:///etc/passwd",
        "curl file:///etc/hosts",
        "tee a=b",
    ],
)
def test_a_word_is_a_url_only_when_it_can_be_no_path(linked: Path, command: str) -> None:
    assert followed("Bash", linked, command=command).risk.word == "outside"
    assert followed("Bash", linked, command="curl https://docs.rs/x").risk.word == "network"


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("cp evil l*/x", "outside"),
        ("tee l?nk/x", "outside"),
        ("cat l*/passwd", "outside"),
        ("cat s[u]b/link/passwd", "outside"),
        ("cat link/p*", "outside"),
        ("tee l?nk", "outside"),
        ("tee n?w", "?"),
        ("cp a CLAUDE.m?", "ci file"),
        ("cp a .git/hook?/pre-commit", "ci file"),
        ("cat cred*", "secret"),
        ("cat id_r*", "secret"),
        ("cat .ss?/x", "secret"),
        ("cat *.pe?", "secret"),
        ("ls *", "outside"),
        ("ls s*", "read"),
        ("ls src/*.py", "read"),
    ],
)
def test_a_pattern_is_not_what_its_letters_say(linked: Path, command: str, risk: str) -> None:
    assert followed("Bash", linked, command=command).risk.word == risk


@pytest.mark.parametrize(
    "command",
    [
        "cd -P sub && tee link/x",
        "cd -- sub && tee link/x",
        "cd s* && tee deep/x",
        "cd $X && tee y",
        "cd - && tee y",
        "cd && tee y",
        "pushd -n src && tee link/x",
        "cd nosuch || tee sub/link/a",
        "cd nosuch; cd sub; tee link/a",
        "command cd sub && tee link/a",
        "CDPATH=/ cd etc && tee x",
        "while true; do tee link/x; cd sub; done",
        "eval 'cd sub'; tee link/x",
    ],
)
def test_a_path_may_start_where_any_cd_led_or_failed_to(linked: Path, command: str) -> None:
    (linked / "link").unlink()
    assert followed("Bash", linked, command=command).risk.rank <= BOOK.risks["outside"].rank


@pytest.mark.parametrize(
    "command", ["cp -tlink evil", "touch -rlink a", "cp -t link evil", "cat -nlink", "tee -- -x/y"]
)
def test_what_is_joined_to_a_short_flag_is_a_path(linked: Path, command: str) -> None:
    (linked / "-x").symlink_to("/etc")
    assert followed("Bash", linked, command=command).risk.word == "outside"
    assert followed("Bash", linked, command="ls -la").risk.word == "read"
