"""A user without a name and without a home, as `docker run --user 12345` makes one."""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from engine.base.operator import home_folder, user_name
from engine.settings.paths import socket_path, state_directory
from tests.api.serving import serving


@pytest.fixture
def nameless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No name, no writable home; the folder for temporary files."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_a_user_without_a_name_is_called_by_number(nameless: Path) -> None:
    assert user_name() == f"uid-{os.getuid()}"


@pytest.mark.parametrize("environ", [{}, {"HOME": "/"}, {"HOME": ""}])
def test_a_user_without_a_home_has_one_for_temporary_files(nameless: Path, environ: dict[str, str]) -> None:
    home = nameless / f"quarterdeck-{os.getuid()}"
    assert home_folder(environ) == home
    assert state_directory(environ).is_relative_to(home)
    assert socket_path(environ).is_relative_to(home)


def test_a_folder_that_somebody_else_could_have_filled_is_not_taken(nameless: Path) -> None:
    home = nameless / f"quarterdeck-{os.getuid()}"
    home.mkdir()
    home.chmod(0o777)
    assert home_folder({"HOME": "/"}) == Path("/")
    home.rmdir()
    home.symlink_to("/etc")
    assert home_folder({"HOME": "/"}) == Path("/")


async def test_an_engine_serves_for_a_user_without_a_name(nameless: Path, home: Path) -> None:
    async with serving(home) as served:
        assert (await served.ask("hello"))["text"]
