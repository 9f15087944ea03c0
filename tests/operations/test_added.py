"""The operations that were added by declaration alone: conversations, pool, recordings, classification."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.api.serving import LONG, Served, serving
from tests.support.processes import until


@pytest.fixture
async def served(home: Path):  # type: ignore[no-untyped-def]
    """An engine with two profiles that serves its API."""
    async with serving(home, "profiles.ci.model=haiku") as made:
        yield made


async def test_conversations_are_listed_filtered_and_paged(served: Served) -> None:
    first = await served.ask("one")
    second = await served.ask("two", profile="ci")
    listed = await served.data("GET", "/api/conversations")
    assert [row["id"] for row in listed["conversations"]] == [second["conversation"], first["conversation"]]
    assert listed["total"] == 2
    (row,) = (await served.data("GET", "/api/conversations?profile=ci"))["conversations"]
    assert (row["id"], row["profile"], row["state"]) == (second["conversation"], "ci", "idle")
    paged = await served.data("GET", "/api/conversations?limit=1&offset=1")
    assert ([row["id"] for row in paged["conversations"]], paged["total"]) == ([first["conversation"]], 2)
    found = await served.data("GET", f"/api/conversations?q={first['conversation'][:8]}")
    assert [row["id"] for row in found["conversations"]] == [first["conversation"]]
    assert await served.refusal("GET", "/api/conversations?state=asleep") == (400, "bad_input", "state")


async def test_a_conversation_is_woken_for_a_prompt_that_is_expected(served: Served) -> None:
    asked = await served.ask("one")
    path = f"/api/conversations/{asked['conversation']}/wake"
    awake = (await served.data("POST", path))["wake"]
    assert (awake["state"], awake["session"]) == ("awake", asked["session"])
    await served.data("POST", f"/api/sessions/{asked['session']}/hibernate")
    woken = (await served.data("POST", path))["wake"]
    assert (woken["conversation"], woken["state"]) == (asked["conversation"], "waking")
    await until(lambda: served.engine.pool.index.holder("default", asked["conversation"]) is not None)
    assert (await served.data("POST", path))["wake"]["state"] == "awake"


async def test_a_conversation_is_running_then_idle_then_hibernated_then_deleted(served: Served) -> None:
    engine = served.engine
    await served.data("POST", "/api/prompts", {"prompt": LONG, "id": "long", "wait": False}, 202)
    await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
    (row,) = (await served.data("GET", "/api/conversations?state=running"))["conversations"]
    path, session = f"/api/conversations/{row['id']}", row["session"]
    assert (await served.refusal("DELETE", path))[0] == 409
    await served.data("POST", f"/api/sessions/{session}/interrupt")
    await until(lambda: "long" not in engine.bus.state.requests)
    assert (await served.data("GET", path))["conversation"]["state"] == "idle"
    await served.data("POST", f"/api/sessions/{session}/hibernate")
    assert (await served.data("GET", path))["conversation"]["state"] == "hibernated"
    profile = engine.profiles.find("default", "default")
    transcript = engine.backend.transcript(profile, row["id"])
    assert transcript is not None
    assert await served.data("DELETE", path) == {"deleted": row["id"], "transcript": True}
    assert not transcript.exists()
    assert (await served.data("GET", "/api/conversations"))["conversations"] == []
    assert (await served.refusal("DELETE", path))[0] == 404


async def test_a_conversation_knows_its_title_user_turns_cost_and_last_words(served: Served) -> None:
    first = await served.ask("find the flaky test\nand mend it", user="ana")
    await served.data("POST", "/api/prompts", {"prompt": "go on", "conversation": first["conversation"], "user": "ana"})
    (row,) = (await served.data("GET", "/api/conversations"))["conversations"]
    assert (row["title"], row["user"], row["turns"], row["last_words"]) == (
        "find the flaky test",
        "ana",
        2,
        "Echo: go on",
    )
    assert row["created"] < row["used"]
    for text in ("FLAKY", "ana", "echo: go"):
        assert (await served.data("GET", f"/api/conversations?q={quote(text)}"))["total"] == 1
    assert (await served.data("GET", "/api/conversations?q=nowhere"))["total"] == 0


async def test_the_conversation_used_last_comes_first(served: Served) -> None:
    first, second = await served.ask("one"), await served.ask("two")
    await served.data("POST", "/api/prompts", {"prompt": "again", "conversation": first["conversation"]})
    listed = (await served.data("GET", "/api/conversations"))["conversations"]
    assert [row["id"] for row in listed] == [first["conversation"], second["conversation"]]


async def test_a_conversation_is_named_archived_and_comes_back_when_it_is_used(served: Served) -> None:
    conversation = (await served.ask("one"))["conversation"]
    path = f"/api/conversations/{conversation}"
    (row,) = (await served.data("GET", "/api/conversations"))["conversations"]
    assert (await served.refusal("PATCH", path, {"archived": True}))[:2] == (409, "conversation_held")
    await served.data("POST", f"/api/sessions/{row['session']}/hibernate")
    changed = (await served.data("PATCH", path, {"title": "the\x1b[31m flaky\ntest", "archived": True}))["conversation"]
    assert (changed["title"], changed["state"]) == ("the [31m flaky test", "archived")
    assert (await served.data("GET", "/api/conversations"))["total"] == 0
    (row,) = (await served.data("GET", "/api/conversations?state=archived"))["conversations"]
    assert row["id"] == conversation
    await served.data("POST", "/api/prompts", {"prompt": "go on", "conversation": conversation})
    (row,) = (await served.data("GET", "/api/conversations"))["conversations"]
    assert (row["state"], row["title"]) == ("idle", "the [31m flaky test")
    assert (await served.refusal("PATCH", path, {"title": ""}))[0] == 400


async def test_a_fork_knows_what_was_said_and_leaves_the_other_as_it_was(served: Served) -> None:
    first = await served.ask("remember the word heron")
    path = f"/api/conversations/{first['conversation']}"
    fork = (await served.data("POST", f"{path}/fork"))["conversation"]
    assert (fork["title"], fork["state"], fork["turns"]) == ("remember the word heron (fork)", "hibernated", 0)
    await served.data("POST", "/api/prompts", {"prompt": "only in the fork", "conversation": fork["id"]})
    said = [
        [each["text"] for each in (await served.data("GET", f"{at}/messages"))["messages"]["entries"]]
        for at in (path, f"/api/conversations/{fork['id']}")
    ]
    assert said[0] == ["remember the word heron", "Echo: remember the word heron"]
    assert said[1] == [*said[0], "only in the fork", "Echo: only in the fork"]


async def test_a_fork_keeps_profile_and_user_and_is_the_one_used_last(served: Served) -> None:
    first = await served.ask("one", profile="ci", user="ana")
    await served.ask("another")
    fork = (await served.data("POST", f"/api/conversations/{first['conversation']}/fork"))["conversation"]
    assert (fork["profile"], fork["user"]) == ("ci", "ana")
    assert (await served.data("GET", "/api/conversations"))["conversations"][0]["id"] == fork["id"]
    asked = {"prompt": "[[history]]", "conversation": fork["id"], "profile": fork["profile"]}
    assert (await served.data("POST", "/api/prompts", asked))["prompt"]["text"].startswith("History: 2")


@pytest.mark.parametrize("title", ["   ", "\u0000", "\u202e \n"])
async def test_a_title_of_nothing_is_refused(served: Served, title: str) -> None:
    conversation = (await served.ask("one"))["conversation"]
    path = f"/api/conversations/{conversation}"
    assert (await served.refusal("PATCH", path, {"title": title})) == (400, "bad_input", "title")
    assert (await served.refusal("POST", f"{path}/fork", {"title": title}))[0] == 400
    assert (await served.data("GET", path))["conversation"]["title"] == "one"


async def test_a_title_holds_no_secret_and_letters_of_any_script_are_found(served: Served) -> None:
    conversation, key = (await served.ask("one"))["conversation"], "sk-ant-api03-" + "a1B2" * 20
    changed = await served.data("PATCH", f"/api/conversations/{conversation}", {"title": f"Ärger mit {key[:90]}"})
    assert "a1B2a1B2" not in changed["conversation"]["title"]
    for text in ("Ärger", "ärger", "ÄRGER MIT"):
        assert (await served.data("GET", f"/api/conversations?q={quote(text)}"))["total"] == 1


async def test_what_the_cli_notes_of_its_commands_is_no_message(served: Served) -> None:
    await served.ask("one")
    await served.ask("two")  # the session is cleared for it
    for row in (await served.data("GET", "/api/conversations"))["conversations"]:
        page = (await served.data("GET", f"/api/conversations/{row['id']}/messages"))["messages"]["entries"]
        assert page
        assert not [entry for entry in page if "<command-" in entry["text"]]


async def test_what_has_no_transcript_or_a_false_one_is_not_forked(served: Served) -> None:
    conversation = (await served.ask("one"))["conversation"]
    profile = served.engine.profiles.find("default", "default")
    transcript = served.engine.backend.transcript(profile, conversation)
    assert transcript is not None
    transcript.rename(transcript.with_suffix(".kept"))
    path = f"/api/conversations/{conversation}/fork"
    assert (await served.refusal("POST", path))[0] == 404
    os.mkfifo(transcript)
    assert (await served.refusal("POST", path))[:2] == (503, "store_unusable")
    transcript.unlink()
    transcript.symlink_to(transcript.with_suffix(".kept"))
    assert (await served.refusal("POST", path))[:2] == (503, "store_unusable")
    assert not list(transcript.parent.glob("*.part"))
    assert (await served.data("GET", "/api/conversations"))["total"] == 1


@pytest.mark.parametrize("hostile", ["../x", "..", "a/b", "%2e%2e", "0f8fad5b-d9cb-469f-a165-70867728950e"])
async def test_an_id_that_names_no_conversation_deletes_nothing(served: Served, hostile: str) -> None:
    kept = (await served.ask("one"))["conversation"]
    assert (await served.refusal("DELETE", f"/api/conversations/{quote(hostile, safe='')}"))[0] == 404
    assert (await served.data("GET", "/api/conversations"))["conversations"][0]["id"] == kept


async def test_recordings_are_listed_with_what_cannot_be_read(served: Served) -> None:
    await served.ask("one")
    (row,) = (await served.data("GET", "/api/recordings"))["recordings"]
    assert (row["engine"], row["segments"], row["readable"], row["problem"]) == (served.engine.id, 1, True, "")
    assert row["size"] > 0
    assert served.engine.bus.state.engine.started_at <= row["started_at"] <= row["ended_at"]
    (served.engine.settings.recordings / "broken-0001.flight.jsonl").write_bytes(b"\x00not a recording\n")
    rows = {row["engine"]: row for row in (await served.data("GET", "/api/recordings"))["recordings"]}
    assert (rows["broken"]["readable"], rows["broken"]["problem"]) == (
        False,
        "broken-0001.flight.jsonl holds no snapshot",
    )


async def test_errors_are_classified_as_the_engine_does(served: Served) -> None:
    lines = ["connect ECONNREFUSED 127.0.0.1:443", '{"http_status": 529}', "all is well"]
    network, overloaded, _well = (await served.data("POST", "/api/classify", {"lines": lines}))["classes"]
    assert network["type"] == "network"
    assert overloaded["type"] == "resource"
    hits = [rule["hits"] for rule in (await served.data("GET", "/api/errors/rules"))["rules"]]
    assert sum(hits) == 0
    assert (await served.refusal("POST", "/api/classify", {"lines": ["x"] * 101}))[0] == 400


async def test_a_warm_session_that_nobody_used_is_no_conversation(home: Path) -> None:
    async with serving(home, "session_pool.min_size=2", "session_pool.warm=1") as served:
        await until(lambda: served.engine.pool.index.idle_count >= 2)
        assert await served.data("GET", "/api/conversations") == {"conversations": [], "total": 0}
        asked = (await served.ask("one"))["conversation"]
        listed = await served.data("GET", "/api/conversations")
        assert [row["id"] for row in listed["conversations"]] == [asked]
