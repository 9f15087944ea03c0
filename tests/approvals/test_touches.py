"""What a request touches: read from disk within bounds, and nothing outside the workspace is read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.approvals.gitignore import MOST_DEEP, is_ignored
from engine.approvals.touches import BUDGET_S, MOST_COUNTED, Touched, text_of, touched


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
    times = iter([0.0, 0.0, *[9.0] * 100])
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


RULES = [
    ("*.log", "a/b/x.log", True),
    ("src/*.py", "src/x.py", True),
    ("src/*.py", "src/deep/x.py", False),
    ("src/**", "src/deep/x.py", True),
    ("**/cache", "a/b/cache", True),
    ("a/**/z", "a/z", True),
    ("a/**/z", "a/b/c/z", True),
    ("a/**/z", "b/a/z", False),
    ("/x/", "x", True),
    ("x?[0-9]", "xy7", True),
    ("x[^0-9]", "x7", False),
    (r"\#kept", "#kept", True),
    (r"a\*b", "a*b", True),
    (r"a\*b", "axb", False),
    ("/", "a", False),
    ("**", "a/b", True),
]


@pytest.mark.parametrize(("rule", "path", "ignored"), RULES)
def test_a_rule_is_read_as_git_reads_it(tmp_path: Path, rule: str, path: str, ignored: bool) -> None:
    (tmp_path / ".gitignore").write_text(f"{rule}\n")
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "x").mkdir(exist_ok=True)
    assert is_ignored(str(tmp_path / path), str(tmp_path)) is ignored


HOSTILE = {
    "stars": "*a" * 90 + "\n",
    "stars of folders": "**/a/" * 39 + "b\n",
    "many rules": "".join(f"*{n}*{n}*{n}*x\n" for n in range(5000)),
    "a long rule": "*a" * 30_000,
    "classes": "[a-z]" * 39 + "*x\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_gitignore_takes_longer_than_the_budget(tmp_path: Path, kind: str) -> None:
    folder = tmp_path
    for _depth in range(30):
        folder /= "a" * 60
    folder.mkdir(parents=True)
    for each in (tmp_path, *list(folder.relative_to(tmp_path).parents)[:-1]):
        (tmp_path / each / ".gitignore").write_text(HOSTILE[kind] * max(1, 60_000 // len(HOSTILE[kind])))
    (folder / "f").touch()
    begun = time.monotonic()
    found = touched([str(folder / "f")] * 10, str(tmp_path))
    assert time.monotonic() - begun < BUDGET_S + 1.0
    assert found[0].ignored is False


def test_a_link_of_any_kind_and_a_deep_path_raise_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("x\n*\n")
    (tmp_path / "long").symlink_to("n" * 300)
    (tmp_path / "loop").symlink_to("loop")
    found = touched([f"{tmp_path}/long", f"{tmp_path}/loop"], str(tmp_path))
    assert [(each.kind, each.ignored) for each in found] == [("link", True)] * 2
    assert not is_ignored(str(tmp_path.joinpath(*["d"] * (MOST_DEEP + 1))), str(tmp_path))


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
