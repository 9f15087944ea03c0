#!/usr/bin/env python3
"""A scripted CLI with the lines of a plan's limit, which only a login gives: PLAN_LIMIT_UNTIL is when it resets."""

import json
import os
import sys
import time
import uuid
from typing import Any


def say(**line: Any) -> None:
    print(json.dumps({"session_id": CONVERSATION, **line}), flush=True)


def answer(prompt: dict[str, Any], until: float) -> None:
    """One turn: refused with the limit's lines before it resets, else answered."""
    refused, own = time.time() < until, prompt.get("uuid")
    info = {"resetsAt": until, "rateLimitType": "five_hour", "isUsingOverage": False}
    if not refused:
        info = {**info, "resetsAt": until + 18_000, "status": "allowed", "utilization": 0.02}
        say(type="rate_limit_event", rate_limit_info=info)
        say(type="assistant", message={"content": [{"type": "text", "text": "after the reset"}], "model": "m"})
        say(
            type="result",
            subtype="success",
            is_error=False,
            result="after the reset",
            num_turns=1,
            user_message_uuid=own,
        )
        return
    say(type="rate_limit_event", rate_limit_info={**info, "status": "rejected"})
    text = "You've hit your 5-hour limit"
    say(
        type="result", subtype="success", is_error=True, result=text, num_turns=1, user_message_uuid=own,
        api_error_status=429, terminal_reason="api_error",
    )  # fmt: skip


CONVERSATION = str(uuid.uuid4())
if "--version" in sys.argv:
    print("2.1.330 (Claude Code)")
    sys.exit()
for text in sys.stdin:
    asked = json.loads(text)
    if asked["type"] == "control_request":
        reply = {"subtype": "success", "request_id": asked["request_id"], "response": {}}
        say(type="control_response", response=reply)
    elif asked["type"] == "user":
        say(type="system", subtype="init", cwd=os.getcwd(), model="m", tools=[], permissionMode="default")
        answer(asked, float(os.environ["PLAN_LIMIT_UNTIL"]))
