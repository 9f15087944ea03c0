"""Plugins of `examples/`, installed by pip as an operator would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def install(name: str, folder: Path) -> Path:
    """Install the example of this name; returns the folder that pip put it into."""
    source, target = folder / "source", folder / "site"
    shutil.copytree(EXAMPLES / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(target), str(source)], check=True, capture_output=True
    )
    return target


@contextmanager
def on_path(site: Path, module: str) -> Iterator[Path]:
    """That folder on this process's path; the module is forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        yield site
    sys.modules.pop(module, None)
