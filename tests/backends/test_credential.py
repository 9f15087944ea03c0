"""A profile that signs in by itself gets nothing of the engine's credential, and its failures are its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import AgentSpec
from engine.backends.claude import ClaudeBackend, ClaudeOptions
from engine.backends.credential import Credential, endpoint_of
from engine.backends.login import Login
from engine.backends.profiles import Profiles
from engine.base.clock import SystemClock
from engine.base.errors import NotSignedIn, QuarterdeckError
from engine.recovery.breakers.breaker_keys import breaker_keys
from engine.requests import Request
from engine.settings.load import load_settings
from tests.support.engines import running

OURS = Credential(
    api_key="sk-ours", auth_token="bearer-ours", oauth_token="oauth-ours", base_url="https://ours.example"
)
SECRETS = ("sk-ours", "bearer-ours", "oauth-ours", "https://ours.example")
PRIVATE = "profiles.private.environment.ANTHROPIC_BASE_URL"


def made(folder: Path, environment: Mapping[str, str], credential: Credential = OURS) -> tuple[Profiles, ClaudeBackend]:
    sets = [f"profiles.private.environment.{name}={value}" for name, value in environment.items()]
    settings = load_settings(None, sets, {"HOME": str(folder)}, None).settings
    binary = folder / "claude"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    agent_dirs = AgentDirectories(folder / "state", folder / "out", folder / "operator", None, folder / "agents")
    backend = ClaudeBackend(binary, agent_dirs, lambda: credential, ClaudeOptions(inherited={}))
    return Profiles(lambda: settings, lambda: credential, "claude", offline=False), backend


@pytest.mark.parametrize(
    "environment",
    [
        {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"},
        {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_AUTH_TOKEN": "theirs"},
        {"ANTHROPIC_API_KEY": "sk-theirs"},
        {"ANTHROPIC_API_KEY": ""},
        {"CLAUDE_CODE_OAUTH_TOKEN": "theirs"},
        {"CLAUDE_CODE_USE_BEDROCK": "1"},
        {"CLAUDE_CONFIG_DIR": "/somewhere/else"},
    ],
    ids=lambda environment: "+".join(environment),
)
def test_nothing_of_the_engines_credential_reaches_it(tmp_path: Path, environment: dict[str, str]) -> None:
    profiles, backend = made(tmp_path, environment)
    profile = profiles.find("private", "default")
    given = backend.command(AgentSpec("s1", profile, "c" * 36)).environment
    assert not [name for name, value in given.items() if value in SECRETS]
    assert {name: given[name] for name in environment} == environment
    usual = backend.command(AgentSpec("s2", profiles.find("default", "default"), "d" * 36)).environment
    assert {*SECRETS} <= {*usual.values()}
    assert not {*breaker_keys(profile)[:1]} & {*breaker_keys(profiles.find("default", "default"))}


def test_the_operators_login_is_not_sent_to_another_gateway(tmp_path: Path) -> None:
    login = tmp_path / "operator/.claude/.credentials.json"
    login.parent.mkdir(parents=True)
    login.write_text("{}")
    profiles, backend = made(tmp_path, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}, Credential())
    profile = profiles.find("private", "default")
    given = backend.command(AgentSpec("s1", profile, "c" * 36)).environment
    places = {Path(given["HOME"]), Path(given["CLAUDE_CONFIG_DIR"])}
    assert not [place for place in places if (place / ".credentials.json").exists() or place == tmp_path / "operator"]
    agent_dirs = AgentDirectories(
        tmp_path / "state", tmp_path / "out", tmp_path / "operator", None, tmp_path / "agents"
    )
    check = Login("", lambda: Credential(), agent_dirs.config, SystemClock(), ours=False)
    check.check(profiles.find("default", "default"))
    with pytest.raises(NotSignedIn) as refused:
        check.check(profile)
    assert "environment" in refused.value.remedy


def test_a_changed_credential_of_the_engine_is_no_reason_to_start_its_agents_again(tmp_path: Path) -> None:
    own = {"ANTHROPIC_API_KEY": "sk-theirs"}
    before, after = (made(tmp_path, own, Credential(api_key=key))[0] for key in ("one", "two"))
    assert before.find("private", "default").fingerprint == after.find("private", "default").fingerprint
    assert before.find("default", "default").fingerprint != after.find("default", "default").fingerprint


@pytest.mark.parametrize(
    ("environment", "usual", "endpoint"),
    [
        ({}, "https://ours.example", ""),
        ({"ANTHROPIC_BASE_URL": "https://ours.example/"}, "https://ours.example", ""),
        ({"ANTHROPIC_BASE_URL": "https://me:secret@Gate.example:8443"}, "", "gate.example:8443"),
        ({"ANTHROPIC_API_KEY": "sk"}, "", ""),
        ({"ANTHROPIC_API_KEY": "sk"}, "https://ours.example", "api.anthropic.com"),
        ({"CLAUDE_CODE_USE_VERTEX": "1"}, "", "vertex"),
    ],
)
def test_where_its_calls_go(environment: dict[str, str], usual: str, endpoint: str) -> None:
    assert endpoint_of(environment, Credential(base_url=usual)) == endpoint


def test_two_paths_of_one_host_are_two_endpoints_and_a_password_is_never_in_a_name() -> None:
    paths = [{"ANTHROPIC_BASE_URL": f"https://me:secret@gate.example/{path}"} for path in ("a", "b")]
    first, second = (endpoint_of(environment, Credential()) for environment in paths)
    assert first != second
    assert "secret" not in first


def test_the_offline_model_serves_a_profile_with_a_key_of_its_own(tmp_path: Path) -> None:
    model = Credential(api_key="offline", base_url="http://127.0.0.1:1", ours=True)
    profiles, backend = made(tmp_path, {"ANTHROPIC_API_KEY": "sk-theirs"}, model)
    given = backend.command(AgentSpec("s1", profiles.find("private", "default"), "c" * 36)).environment
    assert (given["ANTHROPIC_BASE_URL"], given["ANTHROPIC_API_KEY"]) == ("http://127.0.0.1:1", "sk-theirs")


async def test_a_private_gateway_that_fails_opens_nobody_elses_breaker(tmp_path: Path) -> None:
    sets = (f"{PRIVATE}=http://127.0.0.1:9", "retry.max_attempts=1", "circuit_breaker.failure_threshold=2")
    async with running(tmp_path, *sets) as engine:
        for number in range(3):
            with pytest.raises(QuarterdeckError):
                await engine.submit(Request(id=f"p{number}", prompt="[[fault: http500]]", profile="private"))
        assert engine.breakers.open_ones() == ["model:default@127.0.0.1:9"]
        assert engine.ready() == []
        answer = await engine.submit(Request(id="usual", prompt="say hello"))
        assert answer.text


async def test_a_tool_that_is_broken_behind_a_private_gateway_is_barred_there_alone(tmp_path: Path) -> None:
    sets = (f"{PRIVATE}=http://127.0.0.1:9", "circuit_breaker.failure_threshold=2")
    async with running(tmp_path, *sets) as engine:
        private, usual = (engine.profiles.find(name, "default") for name in ("private", "default"))
        for _ in range(3):
            engine.tools.ended(private.at_endpoint("mcp__search__find"), failed=True, text="server disconnected")
        assert engine.breakers.open_ones() == ["tool:mcp__search__find@127.0.0.1:9"]
        assert engine.tools.barred(private.at_endpoint("mcp__search__find")).startswith("mcp__search__find is out of")
        assert engine.tools.barred(usual.at_endpoint("mcp__search__find")) == ""
