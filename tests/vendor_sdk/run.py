"""Run the vendor SDK's own end-to-end tests on scripted replies, against the real CLI or the simulator.

    python -m tests.vendor_sdk.run SOURCES --backend real
    python -m tests.vendor_sdk.run SOURCES --backend simulator -k hook

SOURCES is a checkout of the SDK or a git directory that holds one; nothing of it is part of this project, and nothing
is written into it. The exit code is 1 when a test fails that is not listed in `OUT_OF_REACH`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import engine.simulated_agent as simulated_agent
from engine.backends.binary import find_claude
from engine.offline_model.scripted_replies import VARIABLE, read_replies
from engine.offline_model.server import OfflineModel

REPLIES = Path(__file__).parent / "replies.json"
SIMULATOR = Path(simulated_agent.__file__).parent / "__main__.py"
E2E = "e2e-tests"
OUT_OF_REACH: dict[str, dict[str, str]] = {"real": {}, "simulator": {}}
"""Tests that cannot pass by nature, for each backend: name and reason."""
TIMEOUT_S = 900


class Verdicts(NamedTuple):
    """The names of the tests by how they ended."""

    passed: list[str]
    failed: list[str]

    def unexpected(self, backend: str) -> list[str]:
        """The failures that no reason is known for."""
        return [name for name in self.failed if name not in OUT_OF_REACH[backend]]


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0 when every test ended as it must."""
    options = _options(argv)
    with tempfile.TemporaryDirectory(prefix="vendor-sdk-", ignore_cleanup_errors=True) as folder:
        sources = Path(folder) / "sdk"
        _take_sources(Path(options.sources), sources)
        verdicts = asyncio.run(_run(sources, Path(folder), options.backend, options.keyword))
    return _report(verdicts, options.backend)


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", help="a checkout of the SDK, or a git directory")
    parser.add_argument("--backend", choices=("real", "simulator"), required=True)
    parser.add_argument("-k", dest="keyword", default="", help="only tests whose names match, as in pytest")
    return parser.parse_args(argv)


def _take_sources(given: Path, target: Path) -> None:
    """Copy the sources, so that the tests' own files never land in the given folder."""
    if (given / E2E).is_dir():
        shutil.copytree(given, target, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv"))
        return
    target.mkdir()
    command = ["git", f"--git-dir={given}", "archive", "HEAD"]
    archive = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if archive.returncode:
        raise SystemExit(f"{given} holds no {E2E} folder and is no git directory; pass a checkout of the SDK.")
    subprocess.run(["tar", "x", "-C", str(target)], input=archive.stdout, check=True)


async def _run(sources: Path, folder: Path, backend: str, keyword: str) -> Verdicts:
    async with OfflineModel(replies=read_replies(str(REPLIES))) as model:
        environment = _environment(folder, backend, model.url)
        report = folder / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            E2E,
            "-q",
            "-p",
            "anyio",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
        ]
        command += ["-o", "addopts=", "-o", "pythonpath=src", f"--junitxml={report}", "--tb=short"]
        process = await asyncio.create_subprocess_exec(
            *command, *(["-k", keyword] if keyword else []), cwd=sources, env=environment
        )
        try:
            await asyncio.wait_for(process.wait(), TIMEOUT_S)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _read_report(report)


def _environment(folder: Path, backend: str, url: str) -> dict[str, str]:
    """A home of its own and a `claude` on the path that is the backend."""
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    _install(programs / "claude", backend)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "ANTHROPIC_API_KEY": "offline",
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        VARIABLE: str(REPLIES),
    }


def _install(program: Path, backend: str) -> None:
    if backend == "simulator":
        started = f'"{sys.executable}" -I -S "{SIMULATOR}"'
    else:
        found = find_claude()
        if found is None:
            raise SystemExit("There is no Claude Code CLI; install the package's `claude` extra or put it on PATH.")
        started = f'"{found}"'
    program.write_text(f'#!/bin/sh\nexec {started} "$@"\n')
    program.chmod(0o755)


def _read_report(report: Path) -> Verdicts:
    if not report.exists():
        raise SystemExit("The tests did not run to their end.")
    passed, failed = [], []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = str(case.get("name")).partition("[")[0]
        whole = case.find("failure") is None and case.find("error") is None and case.find("skipped") is None
        (passed if whole else failed).append(name)
    return Verdicts(passed, failed)


def _report(verdicts: Verdicts, backend: str) -> int:
    """Print the counts and the reasons; the exit code."""
    unexpected = verdicts.unexpected(backend)
    total = len(verdicts.passed) + len(verdicts.failed)
    print(f"{backend}: {len(verdicts.passed)} of {total} passed, {len(verdicts.failed)} failed")
    for name in verdicts.failed:
        print(f"  {name}: {OUT_OF_REACH[backend].get(name, 'unexpected')}")
    return 1 if unexpected or not total else 0


if __name__ == "__main__":
    sys.exit(main())
