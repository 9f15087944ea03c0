"""Finding the Claude Code CLI."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.backends import binary


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_configured_one_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program(tmp_path / "path" / "claude").parent))
    own = program(tmp_path / "own" / "claude")
    assert binary.find_claude(str(own)) == own


def test_a_configured_one_that_is_missing_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program(tmp_path / "claude").parent))
    assert binary.find_claude(str(tmp_path / "nowhere")) is None


def test_the_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = program(tmp_path / "claude")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binary.find_claude() == found


def test_the_bundled_one_is_found_without_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = program(tmp_path / "claude_agent_sdk" / "_bundled" / "claude")
    (tmp_path / "claude_agent_sdk" / "__init__.py").write_text("raise AssertionError('imported')\n")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "claude_agent_sdk", raising=False)
    assert binary.find_claude() == bundled


def test_none_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "claude_agent_sdk", raising=False)
    assert binary.find_claude() is None
