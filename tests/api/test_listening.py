"""Where an engine listens: one live engine a socket, a dead one's is taken over, and nothing else is touched."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import httpx
import pytest

from engine.api.local_socket import LocalSocket
from engine.api.server import serve
from engine.base.errors import BadInput
from engine.engine import Engine
from engine.events.types import Notice
from tests.api.serving import serving
from tests.pool.pools import RecordedEvents
from tests.support.engines import loaded
from tests.support.processes import until


async def alive(path: Path) -> str:
    """The engine that answers on a socket."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path))) as http:
        return str((await http.get("http://engine/healthz")).json()["engine"])


async def test_a_second_engine_on_a_live_socket_is_refused_and_the_first_one_stays(home: Path) -> None:
    async with serving(home) as first:
        second = Engine(loaded(home))
        with pytest.raises(BadInput, match="already listens") as caught:
            await serve(second)
        assert (caught.value.code, "quarterdeck attach" in caught.value.remedy) == ("engine_runs", True)
        assert await alive(first.socket) == first.engine.id


async def test_a_dead_engines_socket_is_taken_over(home: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(home / "engine.sock"))
    stale.close()
    async with serving(home) as served:
        assert await alive(served.socket) == served.engine.id
    assert not (home / "engine.sock").exists()


@pytest.mark.parametrize("made", ["file", "folder"])
async def test_what_is_no_socket_is_never_replaced(home: Path, made: str) -> None:
    path = home / "engine.sock"
    path.write_text("precious") if made == "file" else path.mkdir()
    with pytest.raises(BadInput) as caught:
        LocalSocket(path).bind()
    assert (caught.value.field, path.exists()) == ("api.socket", True)
    assert path.is_dir() or path.read_text() == "precious"


@pytest.mark.parametrize("name", ["s" * 120, "taken/engine.sock"])
async def test_a_socket_that_cannot_be_made_names_its_setting(home: Path, name: str) -> None:
    (home / "taken").write_text("")
    with pytest.raises(BadInput) as caught:
        LocalSocket(home / name).bind()
    assert (caught.value.field, "api.socket" in caught.value.remedy) == ("api.socket", True)


async def test_an_engine_that_goes_removes_only_its_own_socket(home: Path) -> None:
    mine = LocalSocket(home / "engine.sock")
    with mine.bind():
        (home / "engine.sock").unlink()
        with socket.socket(socket.AF_UNIX) as others:
            others.bind(str(home / "engine.sock"))
            mine.release()
            assert (home / "engine.sock").is_socket()


async def test_a_port_in_use_is_told_and_the_socket_given_back(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        engine = Engine(loaded(home, f"api.port={port}", f"api.token_file={home / 'token'}"))
        with pytest.raises(BadInput, match=f"127.0.0.1:{port} cannot be listened on") as caught:
            await serve(engine)
    assert (caught.value.field, bool(caught.value.remedy)) == ("api.port", True)
    assert not (home / "engine.sock").exists()
    async with serving(home) as served:
        assert await alive(served.socket) == served.engine.id


@pytest.mark.parametrize("harm", ["socket", "folder"])
async def test_a_socket_that_was_deleted_is_bound_again_and_its_clients_stay(home: Path, harm: str) -> None:
    folder = home / "run"
    async with serving(home, f"api.socket={folder / 'engine.sock'}") as served:
        told = RecordedEvents(served.engine)
        assert (await served.http.get("/healthz")).status_code == 200  # a connection that stays open
        if harm == "socket":
            served.socket.unlink()
        else:
            shutil.rmtree(folder)
        await until(lambda: any("was deleted: the engine listens there again" in each.text for each in told.of(Notice)))
        assert await alive(served.socket) == served.engine.id
        assert (served.socket.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
        assert (await served.http.get("/healthz")).status_code == 200
        with pytest.raises(BadInput, match="already listens"):
            LocalSocket(served.socket).bind()


async def test_a_socket_that_another_engine_took_over_is_left_to_it(home: Path) -> None:
    path = home / "run" / "engine.sock"
    async with serving(home, f"api.socket={path}") as served:
        told = RecordedEvents(served.engine)
        shutil.rmtree(path.parent)
        other = LocalSocket(path)
        listener = other.bind()
        await until(lambda: any("another engine took" in each.text for each in told.of(Notice)))
        inode = path.stat().st_ino
    assert path.stat().st_ino == inode  # its end removes only its own
    listener.close()
    other.release()
