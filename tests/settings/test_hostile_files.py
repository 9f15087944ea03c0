"""Settings files that never end, or become very large, are refused at once with a sentence."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.base.errors import SettingsError
from engine.settings.dotenv import MOST_BYTES
from engine.settings.load import load_settings

LAUGHS = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{k: [{','.join([f'*a{n - 1}'] * 9)}], <<: *a{n - 1}}}\n" for n in range(1, 10)
)


def refused(path: Path, folder: Path) -> str:
    """Why a settings file is refused, within a second."""
    began = time.monotonic()
    with pytest.raises(SettingsError) as error:
        load_settings(path, [], {"HOME": str(folder)}, None)
    assert time.monotonic() - began < 1.0
    return str(error.value)


@pytest.mark.parametrize("text", [LAUGHS, MERGED, "a: &a [*a]\n", "a: &a {b: *a}\n"])
def test_aliases_that_stand_for_very_much_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert "alias" in refused(path, tmp_path)


def test_an_override_is_held_to_the_same(tmp_path: Path) -> None:
    nested = "{" + ", ".join(line.replace("\n", "") for line in LAUGHS.splitlines()) + "}"
    with pytest.raises(SettingsError, match="alias"):
        load_settings(None, [f"claude={nested}"], {"HOME": str(tmp_path)}, None)


def test_plain_aliases_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("session_pool: {min_size: &size 3, max_size: *size}\n")
    pool = load_settings(path, [], {"HOME": str(tmp_path)}, None).settings.session_pool
    assert (pool.min_size, pool.max_size) == (3, 3)


def test_a_pipe_a_folder_a_device_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "huge").write_bytes(b"#" * (MOST_BYTES + 1))
    for path in (tmp_path / "pipe", tmp_path / "folder", Path("/dev/zero"), tmp_path / "huge"):
        assert f"{path} cannot be read" in refused(path, tmp_path)


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "9" * 400, "-" + "9" * 400, "9" * 5000])
@pytest.mark.parametrize(
    "key",
    [
        "cache.max_bytes",
        "cache.ttl",
        "queue.max_waiting",
        "queue.interactive_reserve",
        "profiler.sample_rate",
        "session_pool.limits.disk_floor",
        "cache.enabled",
        "queue.drop_strategy",
    ],
)
def test_a_number_that_is_none_or_that_no_float_holds_is_refused(tmp_path: Path, key: str, number: str) -> None:
    path = tmp_path / "config.yaml"
    *groups, name = key.split(".")
    path.write_text(f"{''.join(f'{group}: {{' for group in groups)}{name}: {number}{'}' * len(groups)}\n")
    refused(path, tmp_path)
