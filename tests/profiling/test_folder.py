"""The folder of captures: private, bounded, and plain about what it cannot do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.base.errors import BadInput, NotFound
from engine.profiling.outputs.folder import FolderLimits, check_folder, keep, kept_files, read_kept

LIMITS = FolderLimits(4, 1000)


def names(number: int, size: int = 10) -> dict[str, bytes]:
    """The files of one capture."""
    return {f"capture-{number}.md": b"m" * size, f"capture-{number}.svg": b"s" * size}


def write(folder: Path, number: int, size: int = 10, limits: FolderLimits = LIMITS) -> None:
    """Keep one, dated by its number."""
    for name in keep(folder, names(number, size), limits):
        os.utime(folder / name, (number, number))


def test_files_are_private(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b", 1)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b" / "capture-1.md").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("limits", [FolderLimits(4, 1000), FolderLimits(100, 40)])
def test_the_oldest_captures_go_first_and_strangers_stay(tmp_path: Path, limits: FolderLimits) -> None:
    (tmp_path / "notes.md").write_text("mine")
    for number in range(1, 6):
        write(tmp_path, number, limits=limits)
    assert {each.name for each in kept_files(tmp_path)} == {*names(4), *names(5)}
    assert (tmp_path / "notes.md").exists()


def test_captures_dated_in_the_future_keep_to_the_bound_too(tmp_path: Path) -> None:
    for number in (4_000_000_001, 4_000_000_002):
        write(tmp_path, number)
    keep(tmp_path, names(3), LIMITS)
    assert {each.name for each in kept_files(tmp_path)} == {*names(4_000_000_002), *names(3)}


def test_a_capture_larger_than_the_folder_removes_nothing(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with pytest.raises(BadInput, match="more than the folder may hold"):
        keep(tmp_path, names(2, 600), LIMITS)
    assert {each.name for each in kept_files(tmp_path)} == set(names(1))


def test_a_folder_that_is_gone_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    write(folder, 1)
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    write(folder, 2)
    assert len(kept_files(folder)) == 2


def test_a_place_that_is_no_folder_is_refused_with_a_remedy(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("x")
    for work in (lambda: check_folder(place), lambda: check_folder(place / "x"), lambda: write(place, 1)):
        with pytest.raises(BadInput, match="cannot be written") as caught:
            work()
        assert caught.value.field == "profiler.folder"
        assert "profiler.folder" in caught.value.remedy


@pytest.mark.parametrize(
    "name", ["../capture-1.md", "capture-1.txt", "/etc/passwd", "", "notes.md", "capture-9.md", "capture-link.md"]
)
def test_only_files_of_captures_are_read(tmp_path: Path, name: str) -> None:
    write(tmp_path / "in", 1)
    (tmp_path / "capture-1.md").write_text("outside")
    (tmp_path / "in" / "notes.md").write_text("mine")
    (tmp_path / "in" / "capture-link.md").symlink_to(tmp_path / "capture-1.md")
    assert read_kept(tmp_path / "in", "capture-1.md") == "m" * 10
    with pytest.raises(NotFound) as caught:
        read_kept(tmp_path / "in", name)
    assert caught.value.field == "name"
