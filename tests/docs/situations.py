"""What must be there before some blocks of the documentation can run, by the name that their comment gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.docs.shell import World
from tests.support.processes import wait_until


def nothing(_: World) -> dict[str, str]:
    """An engine that runs is enough."""
    return {}


def a_permission_question(world: World) -> dict[str, str]:
    """A session asks whether it may write a file, and an earlier question was answered for its profile."""
    engine = world.engine
    _ask(world, "one")
    first = engine.call("GET", "/api/permissions/groups")["groups"][0]["key"]
    allowed = world.run(f"quarterdeck permissions allow-group {first} --scope profile --for 1h --json")
    assert allowed.returncode == 0, allowed.stderr
    grant = engine.call("GET", "/api/permissions/grants")["grants"][0]["id"]
    _ask(world, "two")
    group = engine.call("GET", "/api/permissions/groups")["groups"][0]["key"]
    return {"9c41f2": group, "g12": grant}


def a_permission_to_read(world: World) -> dict[str, str]:
    """A session asks whether it may run a command."""
    _ask(world, "three")
    (waiting,) = world.engine.call("GET", "/api/permissions")["permissions"]
    return {"4f1c": waiting["id"]}


def a_session_at_work(world: World) -> dict[str, str]:
    """A session is writing an answer."""
    world.engine.send("[[words: 2000]] [[pace: 20ms]]")
    wait_until(lambda: any(row["activity"] == "writing" for row in _sessions(world)))
    return {"k7f003": next(row["id"] for row in _sessions(world) if row["activity"] == "writing")}


def a_session_at_rest(world: World) -> dict[str, str]:
    """A session has answered two prompts."""
    first = world.engine.call("POST", "/api/prompts", {"prompt": "one"})["prompt"]
    sent = {"prompt": "two", "conversation": first["conversation"]}
    second = world.engine.call("POST", "/api/prompts", sent)["prompt"]
    return {"k7f003": second["session"], "0f8fad5b-d9cb-469f-a165-70867728950e": first["conversation"]}


def a_setting_changed_live(world: World) -> dict[str, str]:
    """Somebody changed a setting since the engine started."""
    changed = world.run("quarterdeck config set queue.max_waiting=900")
    assert changed.returncode == 0, changed.stderr
    return {}


def _sessions(world: World) -> list[Any]:
    rows: list[Any] = world.engine.call("GET", "/api/sessions")["sessions"]
    return rows


def _ask(world: World, name: str) -> None:
    world.engine.send(f'[[tool: Bash {{"command": "touch {name}"}}]]')
    wait_until(lambda: world.engine.call("GET", "/api/permissions/groups")["groups"])


SITUATIONS: Mapping[str, Callable[[World], dict[str, str]]] = {
    "": nothing,
    "a permission question": a_permission_question,
    "a permission to read": a_permission_to_read,
    "a session at rest": a_session_at_rest,
    "a session at work": a_session_at_work,
    "a setting changed live": a_setting_changed_live,
}
"""Each makes its situation and returns what stands for the example's ids."""
