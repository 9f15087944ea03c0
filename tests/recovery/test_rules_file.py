"""The file of own rules: a regular file of bounded size, anything else is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.base.errors import SettingsError
from engine.recovery.classify.rules import load_rules, shipped_rules
from engine.settings.dotenv import MOST_BYTES

RULE = '[[rule]]\nid = "mine"\ntype = "none"\ncategory = "x"\ndescription = "x"\nsays = ["all is well here"]\n'


def test_a_regular_file_adds_its_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULE)
    assert {rule.id for rule in load_rules(file)} == {"mine", *(rule.id for rule in shipped_rules())}


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "large", "missing"])
def test_anything_else_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "rules.toml"
    if kind == "device":
        file = Path("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "large":
        file.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_rules(file)
