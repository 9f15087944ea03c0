"""What runs the sessions: the simulator never stands in for the real thing where nobody looks on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.backends.base import Profile
from engine.backends.credential import Credential
from engine.backends.login import LOOK_AGAIN_S, Login
from engine.backends.selection import NO_CLI, NO_CREDENTIALS, choose
from engine.base.clock import ManualClock
from engine.base.errors import BackendMissing, NotSignedIn
from engine.events.types import ErrorSeen, EventEnvelope
from engine.settings.load import load_settings
from engine.settings.schema import Settings

CLAUDE = Profile("default", backend="claude")


def settings(folder: Path, *overrides: str) -> Settings:
    binary = folder / "claude"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    given = [f"claude.binary={binary}", *overrides]
    return load_settings(None, given, {"HOME": str(folder), "PATH": "/nowhere"}, None).settings


def without_cli(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("engine.backends.selection.find_claude", lambda _configured: None)
    return load_settings(None, [], {"HOME": str(folder), "PATH": "/nowhere"}, None).settings


def test_auto_falls_back_to_the_simulator_only_where_somebody_looks_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(tmp_path)
    shown = choose(given, tmp_path, interactive=True)
    assert (shown.simulated, NO_CREDENTIALS in shown.banner) == (True, True)
    assert not choose(given, tmp_path, interactive=False).simulated
    bare = without_cli(tmp_path, monkeypatch)
    assert choose(bare, tmp_path, interactive=True).simulated
    headless = choose(bare, tmp_path, interactive=False)
    assert (headless.backend, headless.missing) == ("claude", NO_CLI)


def test_what_was_asked_for_by_name_is_what_runs(tmp_path: Path) -> None:
    asked = choose(settings(tmp_path, "engine.backend=simulator"), tmp_path, interactive=False)
    assert (asked.simulated, asked.banner) == (True, "SIMULATOR")
    with pytest.raises(BackendMissing):
        choose(settings(tmp_path, "claude.binary=/no/claude"), tmp_path, interactive=False)


class Given:
    """A login check over a credential that comes and goes."""

    def __init__(self, folder: Path, cli: str = "", *, ours: bool = False) -> None:
        self.clock = ManualClock(0.0)
        self.credential = Credential()
        self.folder = folder
        self.login = Login(cli, lambda: self.credential, lambda _profile: folder, self.clock, ours=ours)


def test_a_login_is_checked_before_work_starts_and_again_after_a_refusal(tmp_path: Path) -> None:
    given = Given(tmp_path)
    with pytest.raises(NotSignedIn) as refused:
        given.login.check(CLAUDE)
    assert "claude login" in refused.value.remedy
    given.credential = Credential(api_key="k")
    given.login.check(CLAUDE)
    given.credential = Credential()
    given.login.check(CLAUDE)  # what was there a moment ago is not looked for at every request
    error = ErrorSeen(**{name: "" for name in ErrorSeen.__struct_fields__ if name not in NUMBERS}, **NUMBERS)
    given.login.follow(EventEnvelope(1, 0.0, error))
    with pytest.raises(NotSignedIn):
        given.login.check(CLAUDE)


NUMBERS = {"attempt": 1, "kind": "auth", "confidence": 1.0, "retryable": False, "again": False, "silent": 0.0}


def test_a_login_that_went_away_is_noticed_in_time(tmp_path: Path) -> None:
    given = Given(tmp_path)
    (tmp_path / ".credentials.json").write_text("{}")
    assert given.login.missing(CLAUDE) == ""
    (tmp_path / ".credentials.json").unlink()
    given.clock.advance(LOOK_AGAIN_S + 1)
    assert given.login.missing(CLAUDE) == NO_CREDENTIALS


@pytest.mark.parametrize("environment", [{"ANTHROPIC_API_KEY": "k"}, {"CLAUDE_CODE_USE_BEDROCK": "1"}])
def test_a_profile_may_bring_its_own(tmp_path: Path, environment: Mapping[str, str]) -> None:
    profile = Profile("default", backend="claude", environment=environment)
    assert Given(tmp_path).login.missing(profile) == ""


def test_other_backends_and_the_offline_model_need_none_and_a_missing_cli_comes_first(tmp_path: Path) -> None:
    assert Given(tmp_path).login.missing(Profile("default", backend="simulator")) == ""
    assert Given(tmp_path, ours=True).login.missing(CLAUDE) == ""
    with pytest.raises(BackendMissing):
        Given(tmp_path, cli=NO_CLI, ours=True).login.check(CLAUDE)
