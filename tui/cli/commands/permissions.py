"""`quarterdeck permissions …`: what agents ask leave for, the answers, the grants and the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import click

from engine.base.errors import BadInput, NotFound
from tui.cli.options import Common, called_alone, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import call
from tui.feeds.wire import segment

_SCOPES = ("once", "conversation", "profile")
_COLUMNS = ("id", "age", "session", "tool", "risk", "seen", "request")
_GROUP_COLUMNS = ("key", "age", "risk", "same", "seen", "sessions", "action")
_GRANT_COLUMNS = ("id", "scope", "profile", "conversation", "expires", "by", "risk", "action")
_HISTORY_COLUMNS = ("at", "answer", "how", "by", "scope", "session", "risk", "action", "edited_from", "message")
_KEY_SHOWN, _SHORTEST_KEY, _ALL = 12, 6, 1000
F = TypeVar("F", bound=Callable[..., Any])


def _allow_options(function: F) -> F:
    """How far an answer reaches, and how long."""
    life = click.option("--for", "expires", help="Life of the grant, such as 1h, or a moment such as 2030-01-31T18:00.")
    scope = click.option(
        "--scope", type=click.Choice(_SCOPES), default="once", show_default=True, help="How far the answer reaches."
    )
    return scope(life(function))


def _edit_options(function: F) -> F:
    """Texts in place of those of the input."""
    text = click.option("--command", "shell_command", help="The command to run in place of the one asked for.")
    edits = click.option("--edit", "edits", multiple=True, metavar="FIELD=TEXT", help="Another text of the input.")
    return text(edits(function))


def _edits(shell_command: str | None, edits: Sequence[str]) -> dict[str, str]:
    """The texts by field. Raises BadInput for one without a field."""
    given = {} if shell_command is None else {"command": shell_command}
    for each in edits:
        field, equals, text = each.partition("=")
        if not (field and equals):
            raise BadInput(f"{each!r} is no FIELD=TEXT.", remedy="Such as --edit file_path=notes.md.")
        given[field] = text
    return given


def _deny_options(function: F) -> F:
    """A message for the agent."""
    return click.option("--message", default="", help="Why; the agent reads it.")(function)


@click.group("permissions", invoke_without_command=True, epilog="Example: quarterdeck permissions --json")
@common_options
def command(common: Common) -> None:
    """Show what agents ask leave for, answer it one by one or by action, show and revoke grants."""
    if called_alone():
        _list(common)


@command.command("list", epilog="Example: quarterdeck permissions list")
@common_options
def list_permissions(common: Common) -> None:
    """The permissions that wait for an answer, oldest first."""
    _list(common)


@command.command("groups", epilog="Example: quarterdeck permissions groups")
@common_options
def groups(common: Common) -> None:
    """The same by action: what is in one group may be answered as one; the gravest first."""
    rows = call(common, "GET", f"/api/permissions/groups?limit={_ALL}")["groups"]
    shown = [
        (row["key"][:_KEY_SHOWN], _span(row["age"]), _risk(row), row["count"], _seen(row), _named(row), row["action"])
        for row in rows
    ]
    _print(common, rows, shown, _GROUP_COLUMNS)


@command.command("show", epilog="Example: quarterdeck permissions show 4f1c")
@click.argument("permission", metavar="ID")
@common_options
def show(common: Common, permission: str) -> None:
    """The whole input of permission ID, what it touches, and all its risks."""
    from tui.cli.permission_details import show_detail, whole

    detail = whole(common, permission)
    print_json(detail) if common.json else show_detail(detail)


@command.command("judge", epilog="Example: quarterdeck permissions judge 4f1c --command 'make test'")
@click.argument("permission", metavar="ID")
@_edit_options
@common_options
def judge(common: Common, permission: str, shell_command: str | None, edits: Sequence[str]) -> None:
    """Permission ID as it would be with an edited input; nothing is answered."""
    from tui.cli.permission_details import show_detail

    body = {"edited": _edits(shell_command, edits)}
    detail = call(common, "POST", f"/api/permissions/{segment(permission)}/judge", body)["permission"]
    print_json(detail) if common.json else show_detail(detail)


@command.command("allow", epilog="Example: quarterdeck permissions allow 4f1c --scope conversation --for 1h")
@click.argument("permission", metavar="ID")
@_allow_options
@_edit_options
@common_options
def allow(
    common: Common,
    permission: str,
    scope: str,
    expires: str | None,
    shell_command: str | None,
    edits: Sequence[str],
) -> None:
    """Allow permission ID, as it was asked for or with an edited input."""
    edited = _edits(shell_command, edits)
    more = {"edited": edited} if edited else {}
    _answer(common, permission, {"allowed": True, "scope": scope, "expires": expires, **more})


@command.command("deny", epilog="Example: quarterdeck permissions deny 4f1c --message 'use the test database'")
@click.argument("permission", metavar="ID")
@_deny_options
@common_options
def deny(common: Common, permission: str, message: str) -> None:
    """Deny permission ID."""
    _answer(common, permission, {"allowed": False, "message": message})


@command.command("allow-group", epilog="Example: quarterdeck permissions allow-group 9c41f2 --scope profile --for 8h")
@click.argument("key")
@_allow_options
@common_options
def allow_group(common: Common, key: str, scope: str, expires: str | None) -> None:
    """Allow all that wait in group KEY, which may be shortened to its first six letters."""
    _answer_group(common, key, {"allowed": True, "scope": scope, "expires": expires})


@command.command("deny-group", epilog="Example: quarterdeck permissions deny-group 9c41f2 --message 'not today'")
@click.argument("key")
@_deny_options
@common_options
def deny_group(common: Common, key: str, message: str) -> None:
    """Deny all that wait in group KEY, which may be shortened to its first six letters."""
    _answer_group(common, key, {"allowed": False, "message": message})


@command.command("grants", epilog="Example: quarterdeck permissions grants")
@common_options
def grants(common: Common) -> None:
    """The grants that answer for you, oldest first, and until when."""
    rows = call(common, "GET", f"/api/permissions/grants?limit={_ALL}")["grants"]
    shown = [[{**row, "expires": _moment(row["expires"])}[column] or "–" for column in _GRANT_COLUMNS] for row in rows]
    _print(common, rows, shown, _GRANT_COLUMNS)


@command.command("revoke", epilog="Example: quarterdeck permissions revoke g12")
@click.argument("grant", metavar="ID")
@common_options
def revoke(common: Common, grant: str) -> None:
    """Take grant ID back: what it allowed is asked for again."""
    answered = call(common, "DELETE", f"/api/permissions/grants/{segment(grant)}")
    print_json(answered) if common.json else echo(f"{answered['revoked']} is revoked.")


@command.command("history", epilog="Example: quarterdeck permissions history --limit 20")
@click.option("--limit", type=click.IntRange(1, _ALL), default=100, show_default=True, help="So many at most.")
@click.option("--group", default="", help="Only of the action with this whole key.")
@common_options
def history(common: Common, limit: int, group: str) -> None:
    """Who answered what, newest first."""
    query = urlencode({"limit": limit, "group": group})
    rows = call(common, "GET", f"/api/permissions/history?{query}")["answers"]
    answered = [{**row, "at": _moment(row["at"]), "answer": "allowed" if row["allowed"] else "denied"} for row in rows]
    _print(common, rows, [[row[column] for column in _HISTORY_COLUMNS] for row in answered], _HISTORY_COLUMNS)


def _list(common: Common) -> None:
    rows = call(common, "GET", f"/api/permissions?limit={_ALL}")["permissions"]
    shown = [
        (row["id"], _span(row["age"]), row["session"], row["tool"], _risk(row), _seen(row), row["summary"])
        for row in rows
    ]
    _print(common, rows, shown, _COLUMNS)


def _answer(common: Common, permission: str, body: dict[str, Any]) -> None:
    answered = call(common, "POST", f"/api/permissions/{segment(permission)}", body)["permission"]
    _show(common, answered, f"{permission} is {'allowed' if answered['allowed'] else 'denied'}.")


def _answer_group(common: Common, key: str, body: dict[str, Any]) -> None:
    from tui.render.formats import plural

    whole = _whole_key(
        key, [row["key"] for row in call(common, "GET", f"/api/permissions/groups?limit={_ALL}")["groups"]]
    )
    answered = call(common, "POST", f"/api/permissions/groups/{segment(whole)}", body)["group"]
    _show(
        common,
        answered,
        f"{plural(answered['answered'], 'permission')} {'allowed' if answered['allowed'] else 'denied'}.",
    )


def _whole_key(key: str, known: Sequence[str]) -> str:
    """The one key that begins so. Raises BadInput when there are two, NotFound when there is none."""
    if key in known:
        return key
    found = [each for each in known if each.startswith(key)] if len(key) >= _SHORTEST_KEY else []
    if len(found) > 1:
        raise BadInput(f"{key} is the beginning of {len(found)} groups.", remedy="Give more of the key.")
    if not found:
        remedy = "`quarterdeck permissions groups` lists those that wait."
        raise NotFound(f"No permission of group {key} waits.", field="group", remedy=remedy)
    return found[0]


def _show(common: Common, answered: dict[str, Any], sentence: str) -> None:
    if common.json:
        print_json(answered)
        return
    echo(sentence)
    for grant in answered["grants"]:
        where = grant["conversation"] or f"profile {grant['profile']} of {grant['tenant']}"
        echo(f"{grant['id']} until {_moment(grant['expires'])} for {where}: {grant['action']}")


def _print(common: Common, rows: Any, shown: Sequence[Sequence[Any]], header: Sequence[str]) -> None:
    if common.json:
        print_json(rows)
    else:
        print_table(shown, header)


def _risk(row: dict[str, Any]) -> str:
    return f"▲ {row['risk']}" if row["grave"] else str(row["risk"])


def _seen(row: dict[str, Any]) -> str:
    return f"{row['allowed_before']}✔ {row['denied_before']}✖"


def _named(row: dict[str, Any]) -> str:
    return " ".join(row["sessions"])


def _span(seconds: float) -> str:
    from tui.render.formats import span

    return span(seconds)


def _moment(at: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
