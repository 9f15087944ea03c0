"""The schema describes itself completely, to people and to programs."""

import json
import re
from pathlib import Path

import pytest

from engine.base.errors import SettingsError
from engine.settings.catalogue import catalogue, field_info, groups, nearest
from engine.settings.environment import variable_name
from engine.settings.reference import environment_example, json_schema, markdown
from engine.settings.schema import Settings
from engine.settings.tree import flatten, flatten_raw


def test_every_setting_is_described_and_bounded() -> None:
    for setting in catalogue().values():
        assert re.fullmatch(r"[A-Z`][^\n]*\.", setting.description), setting.key
        if setting.kind in (int, float):
            assert setting.minimum is not None, setting.key
            assert setting.maximum is not None, setting.key
            if setting.default is not None:
                assert setting.minimum <= setting.default <= setting.maximum, setting.key
        if setting.kind in (int, float) and setting.key != "api.port":
            assert setting.unit, setting.key
        assert setting.shown_default, setting.key


def test_the_catalogue_and_the_settings_hold_the_same_keys() -> None:
    open_ones = {"profiles.*.environment", "recovery.strategies"}
    expected = {key.replace("*", "default") for key in catalogue() if key not in open_ones}
    assert set(flatten_raw(Settings())) == expected
    json.dumps(flatten(Settings()))


def test_the_defaults_are_valid_settings() -> None:
    assert Settings.model_validate(Settings().model_dump()) == Settings()


def test_a_setting_tells_all_about_itself() -> None:
    info = field_info("session_pool.turn_timeout")
    assert (info.unit, info.minimum, info.maximum) == ("seconds", 0.1, 604_800.0)
    assert (info.shown_default, info.applies, info.group) == ("30m", "live", "session_pool")
    assert field_info("profiles.ci.model").key == "profiles.*.model"
    assert field_info("api.port").applies == "restart of engine"
    assert field_info("database.url").applies == "not before the store lands"
    with pytest.raises(SettingsError, match=r"the nearest is session_pool\.turn_timeout") as caught:
        field_info("session_pool.turn_timout")
    assert caught.value.field == "session_pool.turn_timout"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("session_pool.max_sise", "session_pool.max_size"),
        ("max_size", "session_pool.max_size"),
        ("pool.max_size", "session_pool.max_size"),
        ("breaker.timeout", "circuit_breaker.timeout"),
        ("sesion_pool", "session_pool"),
        ("profiles.ci.modle", "profiles.ci.model"),
        ("colour", None),
    ],
)
def test_the_nearest_key(wrong: str, right: str | None) -> None:
    assert nearest(wrong) == right


def test_the_reference_shows_every_setting_once() -> None:
    text = markdown()
    for name, description in groups().items():
        section = text.split(f"## {name.replace('*', 'NAME')}\n")[1].split("\n## ")[0]
        assert description in section
        wanted = [key.rpartition(".")[2] for key, setting in catalogue().items() if setting.group == name]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == wanted
    assert "| `max_size` | 10 | a whole number from 1 to 10000 | Sessions that may exist at once. | live |" in text
    assert "| `PORT` | `api.port` |" in text


def test_the_json_schema_holds_type_range_unit_and_effect() -> None:
    schema = json.loads(json.dumps(json_schema()))
    pool = schema["properties"]["session_pool"]["properties"]
    assert pool["turn_timeout"] == {
        "type": ["number", "string"],
        "description": "Longest turn.",
        "minimum": 0.1,
        "maximum": 604_800.0,
        "default": 1800.0,
        "x-applies": "live",
        "x-environment": "QUARTERDECK_SESSION_POOL__TURN_TIMEOUT",
        "x-unit": "seconds",
    }
    assert "weighted_round_robin" in pool["load_balancing"]["properties"]["strategy"]["examples"]
    assert "full" in schema["properties"]["retry"]["properties"]["jitter"]["enum"]
    profile = schema["properties"]["profiles"]["additionalProperties"]["properties"]
    assert None in profile["backend"]["examples"]
    assert None in profile["permission_mode"]["enum"]
    assert schema["properties"]["credential"]["properties"]["api_key"]["x-secret"] is True
    assert schema["additionalProperties"] is False


def test_the_environment_name_of_a_key() -> None:
    assert variable_name("session_pool.auto_scaling.enabled") == "QUARTERDECK_SESSION_POOL__AUTO_SCALING__ENABLED"


@pytest.mark.parametrize(
    ("file", "text"),
    [("docs/settings.md", markdown()), (".env.example", environment_example())],
    ids=["settings", "environment"],
)
def test_the_written_reference_is_the_present_one(file: str, text: str) -> None:
    assert (Path(__file__).parents[2] / file).read_text() == text, f"run `make docs` to write {file} anew"
