"""The script that runs the vendor SDK's tests, on a stand-in for the sources."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.vendor_sdk import run

PROBE = """
import json, os, subprocess

def test_the_agent_answers():
    line = {"type": "user", "message": {"role": "user", "content": "Run: echo 'it works'"}}
    flags = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose", "--allowedTools", "Bash"]
    told = subprocess.run(["claude", *flags], input=json.dumps(line) + "\\n", capture_output=True, text=True)
    (result,) = [line for line in map(json.loads, told.stdout.splitlines()) if line["type"] == "result"]
    assert result["result"] == "Tool said: it works"
"""
FAILS = "def test_this_fails():\n    assert False\n"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sdk" / run.E2E
    folder.mkdir(parents=True)
    (folder / "test_probe.py").write_text(PROBE)
    return folder.parent


@pytest.mark.parametrize("backend", [pytest.param("real", marks=pytest.mark.real_cli), "simulator"])
def test_the_tests_run_on_scripted_replies(
    sources: Path, backend: str, claude: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([str(sources), "--backend", backend]) == 0
    assert f"{backend}: 1 of 1 passed, 0 failed" in capsys.readouterr().out


def test_a_failure_is_named_and_gives_exit_code_1_unless_there_is_a_reason(
    sources: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (sources / run.E2E / "test_more.py").write_text(FAILS)
    assert run.main([str(sources), "--backend", "simulator"]) == 1
    assert "simulator: 1 of 2 passed, 1 failed\n  test_this_fails: unexpected" in capsys.readouterr().out
    monkeypatch.setitem(run.OUT_OF_REACH, "simulator", {"test_this_fails": "needs a person"})
    assert run.main([str(sources), "--backend", "simulator"]) == 0
    assert "test_this_fails: needs a person" in capsys.readouterr().out


def test_sources_come_from_a_git_directory_too(sources: Path, tmp_path: Path) -> None:
    author = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=sources, check=True)
    assert run.main([str(sources / ".git"), "--backend", "simulator"]) == 0
    with pytest.raises(SystemExit, match="pass a checkout of the SDK"):
        run.main([str(tmp_path), "--backend", "simulator"])
