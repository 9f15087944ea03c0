"""Places follow the XDG rules, and finding them costs no heavy import."""

import subprocess
import sys
from pathlib import Path

from engine.settings import paths


def test_places_with_and_without_xdg_variables() -> None:
    home = {"HOME": "/home/me"}
    assert paths.socket_path(home) == Path("/home/me/.quarterdeck/engine.sock")
    assert paths.state_directory(home) == Path("/home/me/.local/state/quarterdeck")
    assert paths.config_file(home) == Path("/home/me/.config/quarterdeck/config.yaml")
    xdg = {"XDG_RUNTIME_DIR": "/run/user/1", "XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "/c", **home}
    assert paths.socket_path(xdg) == Path("/run/user/1/quarterdeck/engine.sock")
    assert paths.state_directory(xdg) == Path("/s/quarterdeck")
    assert paths.config_file(xdg) == Path("/c/quarterdeck/config.yaml")


def test_relative_xdg_values_are_ignored() -> None:
    assert paths.state_directory({"HOME": "/h", "XDG_STATE_HOME": "x"}) == Path("/h/.local/state/quarterdeck")
    assert paths.socket_path({"HOME": "/h", "XDG_RUNTIME_DIR": ""}) == Path("/h/.quarterdeck/engine.sock")


def test_paths_and_quantities_load_without_pydantic_and_yaml() -> None:
    code = (
        "import sys, engine.settings.paths, engine.settings.quantities, engine.settings.dotenv;"
        "print([name for name in ('pydantic', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
