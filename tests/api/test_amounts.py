"""Large and long values: refused in time, and not returned whole."""

from __future__ import annotations

import asyncio

import pytest

from engine.base.errors import MAX_LINE, MAX_LINES, BadInput, bounded
from tests.api.serving import Served


@pytest.mark.parametrize("method", ["PATCH /api/config", "POST /api/config/check"])
async def test_many_unknown_settings_do_not_stop_the_engine(served: Served, method: str) -> None:
    """50,000 keys, flat and nested, and names of a megabyte, where near names are looked for."""
    verb, path = method.split()
    flat = {f"session_pool.max_siz{number}": number for number in range(50_000)}
    bodies = [
        flat,
        {"session_pool": {key.partition(".")[2]: 1 for key in flat}},
        {"alerts.rules": [{"name": f"n{number}", "when": "x > 1"} for number in range(50_000)]},
        {"s" * 200_000: 1},
        {"engine.backend": "c" * 200_000},
    ]
    loop = asyncio.get_running_loop()
    for body in bodies:
        began = loop.time()
        assert (await served.http.request(verb, path, json=body)).status_code == 400
        assert loop.time() - began < 3
    began = loop.time()
    assert (await served.http.request(verb, path, json=dict(list(flat.items())[:100]))).status_code == 400
    assert loop.time() - began < 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/alerts/test", {"channel": "c" * 200_000}),
        ("/api/alerts/none/silence", {"for": "1" * 200_000}),
        ("/api/recoveries", {"strategy": "r" * 200_000, "target": "session:s0001"}),
        ("/api/breakers/none", {"act": "o" * 200_000}),
        ("/api/prompts", {"prompt": "x", "priority": "h" * 200_000}),
        ("/api/errors/rules", {"type": "n" * 200_000, "text": "x"}),
    ],
)
async def test_a_long_wrong_word_costs_no_long_search(served: Served, path: str, body: dict[str, str]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    response = await served.http.post(path, json=body)
    assert response.status_code in {400, 404}
    assert loop.time() - began < 1
    assert len(response.content) < 5000


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/api/sessions/{'s' * 30_000}", None),
        ("GET", f"/api/errors?type={'t' * 30_000}", None),
        ("GET", f"/api/errors?limit={'1' * 30_000}", None),
        ("POST", "/api/prompts", {"prompt": "x", "f" * 1_000_000: 1}),
        ("POST", "/api/prompts", {"prompt": "x", "profile": "p" * 1_000_000}),
        ("POST", "/api/prompts", {"prompt": "x", "conversation": "line\n" * 200_000}),
        ("POST", "/api/permissions/none", {"allowed": True, "scope": "s" * 200_000}),
        ("PATCH", "/api/config", {"k" * 200_000: 1}),
        ("PATCH", "/api/config", {"engine.backend": "\n" * 100_000}),
        ("DELETE", f"/api/prompts/{'r' * 30_000}", None),
    ],
)
async def test_no_error_returns_a_long_value_whole(
    served: Served, method: str, path: str, body: dict[str, object] | None
) -> None:
    response = await served.http.request(method, path, json=body)
    assert response.status_code in {400, 404}
    assert len(response.content) < 5000


def test_an_error_is_cut_in_the_middle_and_keeps_its_sentence() -> None:
    error = BadInput(f"There is no {'x' * 10_000}, so nothing was done.", remedy="r" * 5000, field="f" * 5000)
    told = error.as_dict()
    assert all(len(told[key]) <= MAX_LINE for key in ("error", "remedy", "field"))
    assert told["error"].startswith("There is no xxx")
    assert told["error"].endswith("so nothing was done.")
    assert (len(str(error)) <= 2 * MAX_LINE + 1, error.args) == (True, (told["error"],))
    lines = bounded("\n".join(["line"] * 100_000)).split("\n")
    assert len(lines) <= MAX_LINES + 1
    assert len(bounded("x\n" + "y" * 10_000_000)) < 3 * MAX_LINE
    assert bounded("\n".join(["a problem " * 20] * 100)).count("\n") == 99


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 400, "-1.5", "true", "1e300"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/pool/scale", "target"),
        ("/api/queue/backpressure", "load"),
        ("/api/cache/clear", "level"),
        ("/api/profiler/start", "rate"),
        ("/api/profiler/start", "seconds"),
    ],
)
async def test_a_number_that_is_none_of_the_fields_is_refused_by_its_name(
    served: Served, path: str, field: str, number: str
) -> None:
    answer = await served.http.post(
        path, content=f'{{"{field}": {number}}}', headers={"Content-Type": "application/json"}
    )
    refusal = answer.json()
    assert (answer.status_code, refusal["code"], refusal["field"]) == (400, "bad_input", field)
    assert "None" not in refusal["remedy"]
    assert field in refusal["error"]
