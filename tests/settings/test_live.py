"""A live change is made whole or not at all, is recorded, and can be taken back."""

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, Overloaded, SettingsError
from engine.settings.live import ChangeRecord, LiveSettings
from engine.settings.schema import Settings
from engine.settings.tree import REDACTED


class Part:
    """A part of the engine that follows changes of the pool's size, or refuses them."""

    def __init__(self, settings: Settings) -> None:
        self.size = settings.session_pool.max_size
        self.refuses = False

    def follow(self, before: Settings, after: Settings) -> None:
        if self.refuses:
            raise Overloaded("Sessions are starting.", remedy="Try again later.")
        assert self.size == before.session_pool.max_size
        self.size = after.session_pool.max_size


@pytest.fixture
def live() -> LiveSettings:
    return LiveSettings(Settings(), clock=ManualClock(1000.0), origins={"session_pool.max_size": "file"})


def test_a_change_is_applied_recorded_and_published(live: LiveSettings) -> None:
    part, heard = Part(live.current), list[ChangeRecord]()
    live.add_applier("pool", part.follow)
    live.subscribe(heard.append)
    record = live.propose({"session_pool.max_size": "20", "session_pool.idle_timeout": "1m"}, who="ada")
    assert record == ChangeRecord(
        number=1,
        who="ada",
        when=1000.0,
        changes={"session_pool.max_size": [10, 20], "session_pool.idle_timeout": [600.0, 60.0]},
    )
    assert (live.current.session_pool.max_size, part.size) == (20, 20)
    assert live.history == (record,) == tuple(heard)
    assert live.origins["session_pool.max_size"] == "live by ada"


def test_nothing_is_applied_when_anything_is_wrong(live: LiveSettings) -> None:
    part, before = Part(live.current), live.current
    live.add_applier("pool", part.follow)
    with pytest.raises(SettingsError) as caught:
        live.propose(
            {"session_pool.max_size": 1, "queue.max_wating": 5, "log.level": "loud", "engine.backend": "claude"}, "ada"
        )
    assert set(caught.value.problems) == {
        "queue.max_wating = 5 (live by ada): no such setting; the nearest is queue.max_waiting.",
        "engine.backend (live by ada): it cannot change while the engine runs; set it in the file and start again.",
        "session_pool.min_size = 2 (default) is above session_pool.max_size = 1 (live by ada).",
        "log.level = loud (live by ada): it must be one of debug, info, warning, error.",
    }
    assert live.current is before
    assert (part.size, live.history) == (10, ())


def test_a_refusal_puts_every_part_back_in_reverse(live: LiveSettings) -> None:
    first, second, third = (Part(live.current) for _ in range(3))
    calls: list[tuple[str, int]] = []
    for name, part in (("pool", first), ("queue", second), ("cache", third)):
        live.add_applier(name, part.follow)
        live.add_applier(f"{name}-log", lambda _old, new, name=name: calls.append((name, new.session_pool.max_size)))
    third.refuses = True
    with pytest.raises(SettingsError, match="cache refused the change: Sessions are starting") as caught:
        live.propose({"session_pool.max_size": 20}, "ada")
    assert caught.value.remedy == "Try again later."
    assert calls == [("pool", 20), ("queue", 20), ("queue", 10), ("pool", 10)]
    assert (first.size, second.size, third.size) == (10, 10, 10)
    assert live.current.session_pool.max_size == 10
    assert live.history == ()
    assert live.origins == {"session_pool.max_size": "file"}


def test_a_broken_part_also_puts_the_others_back(live: LiveSettings) -> None:
    part = Part(live.current)
    live.add_applier("pool", part.follow)

    def broken(_before: Settings, _after: Settings) -> None:
        raise ZeroDivisionError

    live.add_applier("broken", broken)
    with pytest.raises(ZeroDivisionError):
        live.propose({"session_pool.max_size": 20}, "ada")
    assert (part.size, live.current.session_pool.max_size) == (10, 10)


def test_undo_takes_changes_back_one_by_one(live: LiveSettings) -> None:
    part = Part(live.current)
    live.add_applier("pool", part.follow)
    live.propose({"session_pool.max_size": 20}, "ada")
    live.propose({"session_pool.max_size": 30, "profiles.ci.model": "opus"}, "bob")
    assert live.current.profiles["ci"].model == "opus"
    undone = live.undo("eve")
    assert (undone.who, undone.undoes, undone.changes["session_pool.max_size"]) == ("eve", 2, [30, 20])
    assert "ci" not in live.current.profiles
    assert live.undo("eve").undoes == 1
    assert (part.size, live.current) == (10, Settings())
    assert live.origins == {"session_pool.max_size": "file"}
    assert [record.number for record in live.history] == [1, 2, 3, 4]
    with pytest.raises(BadInput, match="no change to undo"):
        live.undo("eve")


def test_an_undo_that_is_refused_can_be_tried_again(live: LiveSettings) -> None:
    part = Part(live.current)
    live.add_applier("pool", part.follow)
    live.propose({"session_pool.max_size": 20}, "ada")
    part.refuses = True
    with pytest.raises(SettingsError):
        live.undo("ada")
    part.refuses = False
    assert live.undo("ada").changes == {"session_pool.max_size": [20, 10]}


def test_a_change_that_changes_nothing_is_refused(live: LiveSettings) -> None:
    with pytest.raises(BadInput, match="Nothing would change"):
        live.propose({"session_pool.max_size": 10}, "ada")
    assert live.history == ()


def test_secrets_are_redacted_in_the_record(live: LiveSettings) -> None:
    record = live.propose({"credential.api_key": "s3cret", "profiles.default.environment.TOKEN": "s3cret"}, "ada")
    assert record.changes == {
        "credential.api_key": [None, REDACTED],
        "profiles.default.environment.TOKEN": [None, REDACTED],
    }
    assert record.restarts == ("sessions",)
    key = live.current.credential.api_key
    assert key is not None
    assert key.get_secret_value() == "s3cret"
    changed = live.propose({"credential.api_key": "other"}, "ada")
    assert changed.changes == {"credential.api_key": [REDACTED, REDACTED]}


def test_profiles_and_their_variables_can_be_taken_away(live: LiveSettings) -> None:
    live.propose({"profiles.ci": {"tenant": "acme", "environment": {"A": "1", "B": "2"}}}, "ada")
    live.propose({"profiles.ci.environment.A": None}, "ada")
    assert live.current.profiles["ci"].environment == {"B": "2"}
    live.propose({"profiles.ci": None}, "ada")
    assert set(live.current.profiles) == {"default"}
    with pytest.raises(SettingsError, match=r"profiles\.ci \(live by ada\): there is nothing of this name"):
        live.propose({"profiles.ci": None}, "ada")


def test_history_is_bounded_and_a_subscription_ends(live: LiveSettings) -> None:
    small = LiveSettings(Settings(), clock=ManualClock(), history=3)
    heard: list[int] = []
    stop = small.subscribe(lambda record: heard.append(record.number))
    for size in range(11, 16):
        small.propose({"session_pool.max_size": size}, "ada")
    stop()
    for _ in range(3):
        small.undo("ada")
    assert [record.number for record in small.history] == [6, 7, 8]
    assert heard == [1, 2, 3, 4, 5]
    assert small.current.session_pool.max_size == 12
    with pytest.raises(BadInput):
        small.undo("ada")


def test_the_changes_that_can_be_undone_share_what_they_did_not_change() -> None:
    live = LiveSettings(Settings(), clock=ManualClock())
    before = live.current
    live.propose({"queue.priorities.low.weight": 2.0}, "ana")
    after = live.current
    assert after.queue.priorities.low.weight == 2.0
    assert after.session_pool is before.session_pool
    assert after.queue.priorities.urgent is before.queue.priorities.urgent
    assert live.undo("ana").changes == {"queue.priorities.low.weight": [2.0, 1.0]}
    assert live.current == before
