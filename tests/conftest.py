"""Every test has a home of its own: nothing of the operator's is read, nothing of theirs is touched."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from engine.backends.binary import find_claude
from tests.support import levels

FOREIGN = ("ANTHROPIC_", "CLAUDE", "QUARTERDECK_", "XDG_", "DATABASE_URL", "PORT", "ENCRYPTION_KEY", "GITHUB_TOKEN")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--no-skips` is for machines that have all that the tests need."""
    parser.addoption("--no-skips", action="store_true", help="a test that skips itself has failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With `--no-skips` a skipped test is a failed one."""
    report = yield
    if report.skipped and item.config.option.no_skips:
        report.outcome, report.longrepr = "failed", f"--no-skips: {report.longrepr}"
    return report


def pytest_configure() -> None:
    """A run under `nohup` passes the ignored hang-up on to what tests start, which would then rightly ignore it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m unit` imports no module without unit tests, and the like."""
    return True if levels.has_none_of(collection_path, config.option.markexpr) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test has the marker of its level, before `-m` selects."""
    levels.mark(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A unit test starts nothing."""
    with levels.nothing_starts(item):
        return (yield)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a path short enough for sockets, gone after the test."""
    folder = Path(tempfile.mkdtemp(prefix="qd-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """HOME and the XDG folders lie in the test's own home; settings of the machine are not seen."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    mine = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_RUNTIME_DIR": str(home / "run"),
    }
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    return mine


@pytest.fixture
def claude() -> Path:
    """The CLI's program; the test is skipped on a machine without one."""
    program = find_claude()
    if program is None:
        pytest.skip("no Claude Code CLI on this machine")
    return program
