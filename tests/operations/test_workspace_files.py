"""The files that a prompt may mean: bounded, and never what is hidden, left out by git, or outside."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.operations import workspace_files
from engine.operations.workspace_files import MOST_S, find_files, rank_of
from tests.api.serving import serving

FILES = [
    *("README.md", "src/app.py", "src/apply.py", "src/deep/er/mapper.py", "tests/test_app.py", "notes/app\u202etxt.py"),
    *(".env", "src/.secret.py", ".git/config", "node_modules/x/app.js", "build/app.o", "src/app.pyc", "kept/app.o"),
]


def made(root: Path) -> Path:
    """A workspace with files of every kind."""
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (root / ".gitignore").write_text("node_modules/\n*.o\n!/kept/*.o\n")
    (root / "src/.gitignore").write_text("*.pyc\n")
    outside = root.parent / "outside.py"
    outside.write_text("secret")
    (root / "link-out.py").symlink_to(outside)
    (root / "link-hidden.py").symlink_to(root / ".env")
    (root / "link-in.py").symlink_to(root / "src/app.py")
    (root / "up").symlink_to(root.parent)
    os.mkfifo(root / "pipe")
    return root


def found(root: Path, wanted: str = "", limit: int = 100) -> list[str]:
    return find_files(root, wanted, limit, lambda: 0.0).files


def test_what_is_hidden_ignored_or_outside_is_never_listed(tmp_path: Path) -> None:
    root = made(tmp_path / "w")
    listed = found(root)
    assert sorted(listed) == sorted(
        ["README.md", "kept/app.o", "link-in.py", "src/app.py", "src/apply.py", "src/deep/er/mapper.py",
         "tests/test_app.py"]
    )  # fmt: skip


def test_a_folder_of_a_repository_follows_the_rules_above_it(tmp_path: Path) -> None:
    root = made(tmp_path / "w")
    (root / ".git/info").mkdir(parents=True)
    (root / ".git/info/exclude").write_text("apply.py\n")
    (root / "src/x.o").write_text("x")
    assert found(root / "src") == ["app.py", "deep/er/mapper.py"]


def test_the_one_that_fits_best_comes_first(tmp_path: Path) -> None:
    root = made(tmp_path / "w")
    assert found(root, "app")[:3] == ["kept/app.o", "src/app.py", "src/apply.py"]
    assert found(root, "SRC/AP") == ["src/app.py", "src/apply.py", "src/deep/er/mapper.py"]
    assert found(root, "sdmap") == ["src/deep/er/mapper.py"]
    assert found(root, "../") == []
    assert found(root, "zzz") == []


@given(st.text("abc/", max_size=8), st.text("abc/", max_size=4))
def test_all_that_holds_what_was_typed_fits(path: str, wanted: str) -> None:
    assert (wanted not in path) or rank_of(path, wanted) in {0, 1, 2}


def test_the_search_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(tmp_path / "w")
    one = find_files(root, "", 1, lambda: 0.0)
    assert (len(one.files), one.more) == (1, True)
    ticks = itertools.count(0.0, MOST_S)
    late = find_files(root, "", 100, lambda: next(ticks))
    assert late.more
    assert "src/app.py" not in late.files
    monkeypatch.setattr(workspace_files, "MOST_ENTRIES", 3)
    assert find_files(root, "", 100, lambda: 0.0).more
    assert not find_files(tmp_path / "none", "", 100, lambda: 0.0).more


async def test_files_are_those_of_the_place_where_the_prompt_works(home: Path) -> None:
    root = made(home / "w")
    other = home / "other"
    (other / "sub").mkdir(parents=True)
    (other / "sub/there.py").write_text("x")
    settings = [f"profiles.default.workspace={root}", f"profiles.default.directories=[{other}]"]
    async with serving(home, *settings, "profiles.ci.model=haiku") as served:
        path = "/api/profiles/default/files"
        given = await served.data("GET", f"{path}?q=app&limit=2")
        assert given == {"directory": str(root), "files": ["kept/app.o", "src/app.py"], "more": True}
        assert (await served.data("GET", f"{path}?cwd={other}"))["files"] == ["sub/there.py"]
        answer = await served.ask("one", cwd=str(other / "sub"))
        there = await served.data("GET", f"{path}?conversation={answer['conversation']}")
        assert (there["directory"], there["files"]) == (str(other / "sub"), ["there.py"])
        own = await served.data("GET", "/api/profiles/ci/files")
        assert own == {"directory": "", "files": [], "more": False}
        assert (await served.refusal("GET", f"{path}?cwd={home}"))[0] == 403
        assert (await served.refusal("GET", f"{path}?conversation=nobody"))[0] == 404
        assert (await served.refusal("GET", "/api/profiles/nobody/files"))[0] == 404
        (row, *_others) = (await served.data("GET", "/api/profiles"))["profiles"]
        assert (row["workspace"], row["directories"]) == (str(root), [str(other)])
