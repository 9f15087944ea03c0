"""Presets of settings: saved, compared, applied as one change, undone, deleted; bad names, files and values."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.serving import Served, serving

SIZE, WARM = "session_pool.max_size", "session_pool.warm"


@pytest.fixture
async def served(home: Path):  # type: ignore[no-untyped-def]
    """An engine that serves its API."""
    async with serving(home) as made:
        yield made


async def test_what_was_changed_live_is_saved_compared_applied_and_undone(served: Served) -> None:
    await served.data("PATCH", "/api/config", {SIZE: 14, WARM: 1})
    saved = (await served.data("PUT", "/api/presets/night", {}))["preset"]
    assert [(row["key"], row["value"], row["differs"]) for row in saved["values"]] == [
        (SIZE, 14, False),
        (WARM, 1, False),
    ]
    await served.data("PATCH", "/api/config", {SIZE: 20})
    (row,) = (await served.data("GET", "/api/presets"))["presets"]
    assert (row["name"], row["settings"], row["differs"]) == ("night", 2, 1)
    shown = (await served.data("GET", "/api/presets/night"))["preset"]["values"]
    assert (shown[0]["key"], shown[0]["value"], shown[0]["live"], shown[0]["differs"]) == (SIZE, 14, 20, True)
    change = (await served.data("POST", "/api/presets/night/apply"))["change"]
    assert change["changes"] == {SIZE: [20, 14]}
    assert await served.data("POST", "/api/presets/night/apply") == {"change": None}  # it is in force
    await served.data("POST", "/api/config/undo")
    assert (await served.data("GET", "/api/config"))["config"][SIZE] == 20
    assert await served.data("DELETE", "/api/presets/night") == {"deleted": "night"}
    assert (await served.data("GET", "/api/presets"))["total"] == 0


async def test_named_settings_are_saved_and_the_file_is_the_owners_alone(served: Served) -> None:
    saved = (await served.data("PUT", "/api/presets/day", {"keys": [SIZE]}))["preset"]
    assert [row["key"] for row in saved["values"]] == [SIZE]
    path = served.engine.settings.engine.state_dir / "presets.json"
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("night", {}, 400),  # nothing was changed live
        ("night", {"keys": ["no.such"]}, 400),
        ("night", {"keys": ["credential.api_key"]}, 400),
        ("UPPER", {"keys": [SIZE]}, 400),
        ("a%20b", {"keys": [SIZE]}, 400),
        ("..", {"keys": [SIZE]}, 404),
        ("x" * 41, {"keys": [SIZE]}, 400),
        ("night", {"keys": [SIZE] * 201}, 400),
    ],
)
async def test_what_is_no_preset_is_refused(served: Served, name: str, body: dict[str, object], status: int) -> None:
    response = await served.http.put(f"/api/presets/{name}", json=body)
    assert response.status_code in {status, 404, 405} if name == ".." else response.status_code == status
    assert (await served.data("GET", "/api/presets"))["total"] == 0


async def test_a_value_that_is_refused_applies_nothing(served: Served) -> None:
    await served.data("PUT", "/api/presets/old", {"keys": [SIZE, WARM]})
    path = served.engine.settings.engine.state_dir / "presets.json"
    path.write_text(path.read_text().replace(f'"{SIZE}": 10', f'"{SIZE}": -3').replace(f'"{WARM}": 0', f'"{WARM}": 1'))
    assert (await served.refusal("POST", "/api/presets/old/apply"))[0] == 400
    assert (await served.data("GET", "/api/config"))["config"][WARM] == 0


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"a": 1}', b"{" * 100_000])
async def test_a_file_that_holds_no_presets_is_named_and_left_alone(served: Served, content: bytes) -> None:
    path = served.engine.settings.engine.state_dir / "presets.json"
    path.write_bytes(content)
    status, _code, _field = await served.refusal("GET", "/api/presets")
    assert status == 400
    assert (await served.refusal("PUT", "/api/presets/a", {"keys": [SIZE]}))[0] == 400
    assert path.read_bytes() == content
