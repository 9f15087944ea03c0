"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil

from engine.base.version import __version__


def describe(cli_version: str = "") -> dict[str, str | int | float]:
    """Facts about this machine that explain a figure; no name, address or path of it."""
    return {
        "quarterdeck": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "claude": cli_version,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
