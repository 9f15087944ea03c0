"""What a request touches: read from disk within bounds, and nothing outside the workspace is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.approvals.touches import MOST_COUNTED, Touched, is_ignored, text_of, touched


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace."""
    made = tmp_path / "w"
    (made / "build" / "deep").mkdir(parents=True)
    (made / ".gitignore").write_text("# made\nbuild/\n*.log\n!keep.log\n/top.txt\n")
    for name in ("a", "deep/b"):
        (made / "build" / name).write_text("12345")
    (made / "src").mkdir()
    (made / "src" / ".gitignore").write_text("own\n")
    (made / "src" / "x.py").write_text("x = 1\n")
    return made


def test_a_folder_is_counted_and_what_is_not_there_is_named(work: Path) -> None:
    found = touched([f"{work}/build/", f"{work}/src/x.py", f"{work}/test", f"{work}/gone.txt"], str(work))
    assert found == (
        Touched(path="build/", kind="folder", files=2, size=10, ignored=True),
        Touched(path="src/x.py", kind="file", files=1, size=6),
        Touched(path="gone.txt", kind="missing"),
    )


def test_counting_ends_at_its_bounds(work: Path) -> None:
    for number in range(40):
        folder = work / "many" / str(number)
        folder.mkdir(parents=True)
        for each in range(150):
            (folder / str(each)).touch()
    (one,) = touched([f"{work}/many"], str(work))
    assert (one.files <= MOST_COUNTED, one.more) == (True, True)
    times = iter([0.0, *[9.0] * 100])
    (late,) = touched([f"{work}/many"], str(work), lambda: next(times))
    assert late.more


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("build/a", True),
        ("x.log", True),
        ("keep.log", False),
        ("src/y.log", True),
        ("top.txt", True),
        ("src/top.txt", False),
        ("src/own", True),
        ("own", False),
    ],
)
def test_gitignore_is_followed(work: Path, path: str, ignored: bool) -> None:
    assert is_ignored(str(work / path), str(work)) is ignored


def test_a_path_that_leaves_the_workspace_is_no_matter_of_its_gitignore(work: Path) -> None:
    (one,) = touched([f"{work}/../x/y"], str(work))
    assert (one.kind, one.ignored) == ("missing", False)


def test_only_text_files_of_the_workspace_are_read(work: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("hush")
    (work / "link").symlink_to(outside)
    (work / "binary").write_bytes(b"\xff\xfe")
    os.mkfifo(work / "pipe")
    inside = [text_of(str(work / name), str(work)) for name in ("src/x.py", "link", "binary", "pipe", "none", "src")]
    assert inside == [(True, "x = 1\n"), (True, None), (True, None), (True, None), (False, None), (True, None)]
    assert text_of(str(outside), str(work)) == (True, None)
    assert text_of("/w/\0", str(work)) == (False, None)
