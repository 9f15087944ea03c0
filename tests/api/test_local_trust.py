"""Folders that others can write, and engines of others, are refused before anything is sent or written."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.api.access import token_in
from engine.api.local_socket import LocalSocket
from engine.base.errors import BadInput
from engine.base.local_trust import ForeignEngine, NotPrivate, check_engine
from engine.engine import Engine
from tests.support.engines import loaded
from tests.support.processes import wait_until
from tui.feeds.client import Address, EngineClient

NOBODY = 65534
root_only = pytest.mark.skipif(os.getuid() != 0, reason="gives files to another user")
LISTEN = """
import os, socket, sys
os.setuid(int(sys.argv[2]))
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
sys.stdin.read()
"""


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
async def test_a_folder_that_others_write_is_refused(home: Path, mode: int) -> None:
    folder = home / "shared"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(BadInput, match="Others may write") as caught:
        LocalSocket(folder / "engine.sock").bind()
    assert (caught.value.field, "chmod" in caught.value.remedy) == ("api.socket", True)
    with pytest.raises(BadInput, match="Others may write"):
        await Engine(loaded(home, f"engine.state_dir={folder}")).start()
    assert list(folder.iterdir()) == []


def test_a_folder_that_anybody_can_replace_is_refused(home: Path) -> None:
    (home / "open").mkdir()
    (home / "open").chmod(0o777)
    with pytest.raises(NotPrivate, match="Anybody may replace"):
        LocalSocket(home / "open" / "mine" / "engine.sock").bind()


def test_a_missing_folder_is_made_for_its_owner_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        LocalSocket(home / "new" / "engine.sock").bind().close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "new" / "engine.sock").stat().st_mode) == 0o600


@root_only
@pytest.mark.parametrize("link", [False, True])
def test_a_folder_of_somebody_else_is_refused(home: Path, link: bool) -> None:
    folder = home / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    path = folder
    if link:
        path = home / "link"
        path.symlink_to(folder)
    with pytest.raises(NotPrivate, match="belongs to user"):
        LocalSocket(path / "engine.sock").bind()


@root_only
def test_nothing_is_sent_to_an_engine_of_somebody_else(home: Path) -> None:
    folder = home / "run"
    folder.mkdir(mode=0o700)
    path = folder / "engine.sock"
    os.chown(folder, NOBODY, NOBODY)
    home.chmod(0o711)
    argv = [sys.executable, "-I", "-c", LISTEN, str(path), str(NOBODY)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        wait_until(path.is_socket)
        with pytest.raises(NotPrivate, match="belongs to user"):
            EngineClient(Address(uds=path))
        os.chown(folder, os.getuid(), os.getgid())  # as where the folder is ours and what listens there is not
        wait_until(lambda: refused(path))
        process.kill()


def refused(path: Path) -> bool:
    """Whether the engine at the socket is known as another's."""
    try:
        EngineClient(Address(uds=path)).call("POST", "/api/prompts", {"prompt": "a secret"})
    except ForeignEngine as error:
        return "Nothing was sent" in error.remedy
    return False


def test_an_engine_of_ours_and_none_at_all_pass(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "engine.sock"))
        assert is_taken(home / "engine.sock")  # nobody listens there yet
        listener.listen()
        assert is_taken(home / "engine.sock")
    assert is_taken(home / "none.sock")
    home.chmod(0o777)
    assert not is_taken(home / "engine.sock")


def is_taken(path: Path) -> bool:
    """Whether a client would connect there."""
    try:
        check_engine(path)
    except (NotPrivate, ForeignEngine):
        return False
    return True


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_a_token_file_is_a_regular_file(home: Path, kind: str) -> None:
    path = home / "token"
    if kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "link":
        (home / "real").write_text("a" * 32)
        (home / "real").chmod(0o600)
        path.symlink_to(home / "real")
    else:
        path.mkdir(mode=0o700)
    with pytest.raises(NotPrivate, match="not a regular file"):
        token_in(path)
