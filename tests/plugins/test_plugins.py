"""Extensions: a balancer that pip installs, classes named as module:Class, backends of one's own, and bad names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.base import AgentCommand, AgentSpec
from engine.backends.simulator import SimulatorBackend
from engine.base.errors import SettingsError
from engine.base.plugins import find
from engine.engine import Engine
from engine.pool.balancers import BALANCERS, RoundRobin
from engine.settings.load import load_settings
from tests.pool.pools import MANY, Conversation, idle
from tests.support.engines import loaded, running
from tests.support.examples import install, on_path

STRATEGY = "session_pool.load_balancing.strategy"
MINE = f"{__name__}:Marked"


class Marked(SimulatorBackend):
    """A backend of one's own: the simulator with a variable in its agents' environment."""

    def command(self, spec: AgentSpec) -> AgentCommand:
        plain = super().command(spec)
        return AgentCommand(plain.argv, plain.cwd, {**plain.environment, "MARKED": "yes"})


class First:
    """A balancer of one's own that always takes the first candidate."""

    considers = 3

    def choose(self, candidates: list[RoundRobin], key: str) -> str:
        return candidates[0].session  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed the example."""
    return install("quarterdeck-sticky", tmp_path_factory.mktemp("example"))


@pytest.fixture
def installed(site: Path) -> Iterator[Path]:
    """The folder on this process's path."""
    with on_path(site, "quarterdeck_sticky"):
        yield site


async def test_an_installed_balancer_is_used_by_its_name(installed: Path, tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, f"{STRATEGY}=sticky") as engine:
        assert type(engine.router.balancer).__module__ == "quarterdeck_sticky"
        talk = Conversation(engine)
        await idle(engine, 3)
        assert len({(await talk.ask("warm")).session for _ in range(3)}) == 3
        homes = {(await talk.ask("x", user="")).session for _ in range(6)}
        assert len(homes) == 1
        engine.live.propose({STRATEGY: "round_robin"}, "test")
        homes = {(await talk.ask("x", user="")).session for _ in range(6)}
        assert len(homes) == 3


async def test_a_balancer_is_changed_live_to_a_class_named_by_its_module(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        engine.live.propose({STRATEGY: f"{__name__}:First"}, "test")
        assert type(engine.router.balancer).__name__ == "First"
        assert (await Conversation(engine).ask("hello")).text == "Echo: hello"


async def test_an_unknown_balancer_is_refused_live_and_the_old_one_stays(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        before = engine.router.balancer
        with pytest.raises(SettingsError, match="there is no balancer 'nonsense'") as refusal:
            engine.live.propose({STRATEGY: "nonsense", "session_pool.max_size": 7}, "test")
        assert "weighted_round_robin" in str(refusal.value)
        assert engine.router.balancer is before
        assert engine.settings.session_pool.max_size == 10
        assert (await Conversation(engine).ask("hello")).text == "Echo: hello"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonsense", "there is no balancer 'nonsense'. Known ones: weighted_round_robin, least_loaded"),
        ("no.such.module:Thing", "the balancer 'no.such.module:Thing' cannot be loaded: No module named"),
        ("engine.pool.balancers:Nothing", "cannot be loaded: module 'engine.pool.balancers' has no attribute"),
        ("engine.pool.balancers:CONSIDERED", "'engine.pool.balancers:CONSIDERED' is no class"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start_by_the_setting_s_name(
    name: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refusal:
        Engine(loaded(tmp_path, f"{STRATEGY}={name}"))
    assert words in str(refusal.value)
    assert refusal.value.problems[0].startswith(f"{STRATEGY}: ")
    assert refusal.value.field == STRATEGY
    assert refusal.value.remedy


@pytest.mark.parametrize("line", ["raise RuntimeError('no')", "raise TypeError('no')", "import sys; sys.exit('no')"])
def test_an_extension_that_fails_on_import_is_refused_by_name(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_extension.py").write_text(line)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match=r"'failing_extension:Thing' cannot be loaded: .*: no") as refusal:
        Engine(loaded(tmp_path, f"{STRATEGY}=failing_extension:Thing"))
    assert refusal.value.field == STRATEGY


@pytest.mark.parametrize("key", [STRATEGY, "engine.backend", "profiles.mine.backend"])
def test_a_text_that_can_name_nothing_is_refused_by_the_settings(key: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="module:Class") as refusal:
        load_settings(None, [f"{key}=not a name!"], {"HOME": str(tmp_path)}, None)
    assert refusal.value.problems[0].startswith(key)


def test_an_extension_that_breaks_when_it_is_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_balancer.py").write_text("this is no Python\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SettingsError, match="broken_balancer:Mine' cannot be loaded: invalid syntax"):
        find("balancer", "quarterdeck.balancers", "broken_balancer:Mine", BALANCERS, STRATEGY)


async def test_a_profile_may_have_a_backend_of_its_own_class(tmp_path: Path) -> None:
    async with running(tmp_path, f"profiles={{mine: {{backend: '{MINE}'}}}}") as engine:
        talk = Conversation(engine)
        answer = await talk.ask("hello", profile="mine")
        assert engine.bus.state.sessions[answer.session].backend == MINE
        environ = Path(f"/proc/{engine.pool.session(answer.session).pid}/environ").read_bytes()
        assert b"MARKED=yes" in environ.split(b"\0")
        again = await talk.ask("[[history]]", answer.conversation, profile="mine")
        assert again.text.startswith("History: 2 user messages")


async def test_a_whole_engine_may_run_on_a_backend_of_its_own_class(tmp_path: Path) -> None:
    async with running(tmp_path, f"engine.backend={MINE}") as engine:
        assert (await Conversation(engine).ask("hello")).text == "Echo: hello"
        assert engine.choice.backend == MINE
        assert engine.choice.banner == ""


async def test_an_unknown_backend_is_a_clear_error_of_its_profile_alone(tmp_path: Path) -> None:
    async with running(tmp_path, "profiles={mine: {backend: nonsense}}") as engine:
        talk = Conversation(engine)
        with pytest.raises(SettingsError, match=r"profiles\.mine\.backend: there is no backend 'nonsense'") as refusal:
            await talk.ask("hello", profile="mine")
        assert "module:Class" in str(refusal.value)
        assert (await talk.ask("hello")).text == "Echo: hello"
        assert engine.pool.statistics().size == 1
