"""`make audit`: known holes in what requirements.lock names, and licences that would bind whoever uses Quarterdeck."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

LONGEST_S = 300
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_UNWELCOME = re.compile(
    r"(?<!L)(?<!Lesser )\b(A?GPL|Affero|SSPL|BUSL|Business Source|Commons Clause)|^GNU General", re.IGNORECASE
)
"""What would oblige somebody who only runs or extends the program; the LGPL of a library that is imported does not."""
UNREACHABLE = (
    "Known holes were not looked up: no vulnerability service answers from here; run `make audit` where pypi.org does."
)


def main(pip_audit: str, lock: str) -> int:
    """Print what was found; 1 when there is a hole or an unwelcome licence."""
    names = [match[1] for match in _PIN.finditer(Path(lock).read_text(encoding="utf-8"))]
    bad = [*holes(report_of(pip_audit, lock)), *licences(names)]
    for line in bad:
        sys.stdout.write(f"{line}\n")
    if not bad:
        sys.stdout.write(f"{len(names)} packages: nothing found.\n")
    return 1 if bad else 0


def report_of(pip_audit: str, lock: str) -> list[dict[str, Any]]:
    """What pip-audit says of each package; empty when it could not ask."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        argv = [pip_audit, "--requirement", lock, "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        try:
            subprocess.run(
                [*argv, "--format", "json", "--output", str(report)],
                check=False,
                capture_output=True,
                timeout=LONGEST_S,
            )
            found: list[dict[str, Any]] = json.loads(report.read_bytes())["dependencies"]
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
            return []
    return found


def holes(report: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each known hole; what could not be looked up is told on standard error, in one sentence."""
    looked_up = [row for row in report if "skip_reason" not in row]
    if not looked_up:
        sys.stderr.write(f"{UNREACHABLE}\n")
    elif len(looked_up) < len(report):
        missing = ", ".join(row["name"] for row in report if "skip_reason" in row)
        sys.stderr.write(f"Not looked up: {missing}.\n")
    for row in looked_up:
        for hole in row["vulns"]:
            fixed = ", ".join(hole["fix_versions"]) or "no version yet"
            yield f"{row['name']} {row['version']}: {hole['id']}, closed in {fixed}"


def licences(names: list[str]) -> Iterator[str]:
    """A line for each unwelcome licence among the packages that are installed."""
    for name in names:
        try:
            stated = licence_of(distribution(name))
        except PackageNotFoundError:  # for another platform
            continue
        if _UNWELCOME.search(stated):
            yield f"{name}: licence {stated}"


def licence_of(package: Distribution) -> str:
    """What its metadata say, the most exact statement first."""
    facts = package.metadata
    classifiers = [one.rpartition(" :: ")[2] for one in facts.get_all("Classifier") or [] if one.startswith("License")]
    stated: str = facts.get("License-Expression") or "; ".join(classifiers) or facts.get("License") or "unknown"
    return stated.splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
