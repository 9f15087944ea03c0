"""The control requests that a host may send, and the answers, as the CLI gives them.

Their source is docs/development/protocol.md, section 3.
"""

from __future__ import annotations

import os

from engine.simulated_agent import lines
from engine.simulated_agent.flags import MODES
from engine.simulated_agent.lines import Line

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from typing import Protocol

    from engine.simulated_agent.conversation import Conversation

    class Controlled(Protocol):
        """The part of the agent that control requests reach."""

        talk: Conversation

        def interrupting(self, *, cancel_queued: bool) -> Line:
            """The receipt for an interrupt; withdraws what is asked and, on request, what waits."""

        def abort(self) -> None:
            """End the running turn now."""

        def reply_later(self, seconds: float, request_id: str, line: Line) -> None:
            """Write an answer when its time is up."""

        def leave(self) -> None:
            """End the process after this line."""

        @property
        def busy(self) -> bool:
            """Whether a turn is open."""


# Accepted and without effect here, as they would be on a CLI that has none of the things they are about.
_ACCEPTED = frozenset(
    {
        "background_tasks",
        "reload_plugins",
        "reload_skills",
        "seed_read_state",
        "set_has_subscribers",
        "set_max_thinking_tokens",
    }
)
# Fields of `initialize` that shape what a model says, or that are read below.
_KNOWN_FIELDS = frozenset(
    {
        "agents",
        "appendSystemPrompt",
        "excludeDynamicSections",
        "forwardSubagentText",
        "hooks",
        "jsonSchema",
        "sdkMcpServers",
        "subtype",
        "systemPrompt",
    }
)
_NOT_LAUNCHED = (
    "Cannot set permission mode to bypassPermissions because the session was not launched with "
    "--dangerously-skip-permissions"
)
_BAD_MODE = f"Cannot set permission mode: must be one of {', '.join(MODES)}"


class Refused(Exception):
    """The answer is an error: text and code."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def serve(agent: Controlled, request_id: str, request: Line) -> None:
    """Answer one control request on stdout."""
    subtype = str(request.get("subtype", ""))
    if subtype == "side_question":
        _side_question(agent, request_id, request.get("question"))
        return
    try:
        response = _response(agent, subtype, request)
    except Refused as refused:
        code: Line = {"error_code": refused.code} if refused.code else {}
        _reply({"subtype": "error", "request_id": request_id, "error": refused.text, **code})
        return
    told: Line = {} if response is None else {"response": response}
    _reply({"subtype": "success", "request_id": request_id, **told})
    _afterwards(agent, subtype)


def _reply(reply: Line) -> None:
    lines.write_line({"type": "control_response", "response": reply})


def _response(agent: Controlled, subtype: str, request: Line) -> Line | None:
    talk = agent.talk
    match subtype:
        case "initialize":
            _take_fields(talk, request)
            return _initialized(agent)
        case "stop_task":
            return _stopped(talk, request.get("task_id"))
        case "interrupt":
            return agent.interrupting(cancel_queued=bool(request.get("cancel_queued")))
        case "set_model":
            return {"model": talk.set_model(str(request.get("model") or talk.default_model))}
        case "set_permission_mode":
            return {"mode": _set_mode(talk, str(request.get("mode")))}
        case "set_cwd":
            return _moved(agent, request)
        case "end_session":
            return None
        case "rewind_conversation" | "export_conversation" | "get_workspace_diff":
            return _verb(agent, subtype, request)
        case _ if subtype in _ACCEPTED:
            return None
    return _reading(talk, subtype)


def _verb(agent: Controlled, subtype: str, request: Line) -> Line:
    from engine.simulated_agent import verbs

    try:
        match subtype:
            case "rewind_conversation":
                return verbs.rewind(agent.talk, request, busy=agent.busy)
            case "export_conversation":
                return verbs.export(agent.talk)
        return verbs.workspace_diff()
    except verbs.NotModelled as problem:
        raise Refused(str(problem), "") from None


def _side_question(agent: Controlled, request_id: str, question: object) -> None:
    """The answer comes when its time is up, whatever the turn does meanwhile."""
    from engine.simulated_agent import verbs

    talk = agent.talk
    status: Line = {"request_id": request_id, "status": "started", "uuid": lines.new_uuid()}
    lines.write_line(lines.system("control_request_progress", talk.session, **status))
    try:
        seconds, said = verbs.side_answer(talk, question)
    except verbs.NotModelled as problem:
        _reply({"subtype": "error", "request_id": request_id, "error": str(problem)})
        return
    reply: Line = {"subtype": "success", "request_id": request_id, "response": said}
    agent.reply_later(seconds, request_id, {"type": "control_response", "response": reply})


def _reading(talk: Conversation, subtype: str) -> Line:
    """What can be read at any time."""
    match subtype:
        case "get_binary_version":
            return {"version": lines.VERSION}
        case "mcp_status":
            return {"mcpServers": talk.mcp.listed()}
        case "get_context_usage":
            return _context_usage(talk)
        case "get_status":
            return _status(talk)
        case "get_session_cost":
            return {"text": f"Estimated cost:        ${talk.cost_usd:.4f}"}
        case "get_usage":
            session: Line = {"total_cost_usd": talk.cost_usd, "model_usage": talk.model_usage}
            return {"session": session, "subscription_type": None, "rate_limits_available": False}
    raise Refused(f"Unsupported control request subtype: {subtype}", "unsupported_request")


def _afterwards(agent: Controlled, subtype: str) -> None:
    """What follows the answer."""
    if subtype == "set_permission_mode":
        talk = agent.talk
        lines.write_line(lines.system("status", talk.session, status=None, permissionMode=talk.mode))
    elif subtype == "set_cwd" and agent.talk.moved:
        agent.talk.note_move()
    elif subtype == "interrupt":
        agent.abort()
    elif subtype == "end_session":
        agent.leave()


def _take_fields(talk: Conversation, request: Line) -> None:
    """What the host registers; a field or a hook that is not modelled is refused by name."""
    for name, value in request.items():
        if name not in _KNOWN_FIELDS and value:
            raise Refused(f"The simulator does not model the field {name!r} of initialize.", "unsupported_request")
    unknown = talk.hooks.register(request.get("hooks"))
    if unknown is not None:
        raise Refused(f"The simulator does not call hooks for {unknown!r}.", "unsupported_request")
    agents = request.get("agents")
    talk.agents.update({str(name): "" for name in (agents if isinstance(agents, dict) else {})})
    talk.mcp.add(request.get("sdkMcpServers"))
    talk.forwards_subagents = bool(request.get("forwardSubagentText"))
    schema = request.get("jsonSchema")
    talk.schema = schema if isinstance(schema, dict) else talk.schema


def _stopped(talk: Conversation, task_id: object) -> Line:
    """End a task in the background; one that has ended already is no error."""
    if not isinstance(task_id, str):
        raise Refused("stop_task: task_id must be a string", "")
    task = talk.background.stop(task_id, talk.session)
    if task is not None:
        talk.keep_notice(task, "stopped", task.description)
    return {}


def _set_mode(talk: Conversation, mode: str) -> str:
    if mode not in MODES:
        raise Refused(_BAD_MODE, "invalid_mode")
    if mode == "bypassPermissions" and talk.mode != mode:
        raise Refused(_NOT_LAUNCHED, "bypass_not_launched")
    talk.mode = mode
    return mode


def _moved(agent: Controlled, request: Line) -> Line:
    """Go on in another directory, once it is trusted; the transcript goes along."""
    path = str(request.get("path", ""))
    if agent.busy:
        return {"status": "rejected", "reason": "busy", "message": "A turn is in progress."}
    if not os.path.isdir(path):  # noqa: PTH112 - pathlib costs start time
        return {"status": "rejected", "reason": "not_found", "message": f"Couldn't find a directory at {path}."}
    path = os.path.realpath(path)
    changed = path != os.getcwd()  # noqa: PTH109
    if changed and request.get("trust_accepted") is not True:
        return {"status": "needs_trust", "directory": path}
    if changed:
        os.chdir(path)
        agent.talk.move()
    return {"status": "ok", "cwd": path, "changed": changed, "transcript_relocated": True}


def _initialized(agent: Controlled) -> Line:
    talk = agent.talk
    command = {"name": "clear", "description": "Start a new conversation with empty context", "argumentHint": ""}
    model = {"value": talk.default_model, "displayName": talk.default_model, "description": "Scripted replies"}
    return {
        "commands": [command],
        "agents": [{"name": name, "description": said} for name, said in talk.agents.items()],
        "output_style": talk.files.output_style,
        "available_output_styles": ["default"],
        "models": [model],
        "account": {"tokenSource": "none", "apiKeySource": "none"},
        "pid": os.getpid(),
        "claude_code_version": lines.VERSION,
        "current_permission_mode": talk.mode,
        "session_state": "running" if agent.busy else "idle",
        "capabilities": lines.CAPABILITIES,
    }


def _status(talk: Conversation) -> Line:
    rows = [{"label": "Version", "value": lines.VERSION}, {"label": "Session ID", "value": talk.session}]
    rows.append({"label": "cwd", "value": os.getcwd()})  # noqa: PTH109 - pathlib costs start time
    return {"sections": [{"title": "Session", "rows": rows}]}


def _context_usage(talk: Conversation) -> Line:
    used = talk.context_tokens
    free = max(0, lines.CONTEXT_WINDOW - used)
    categories = [
        {"id": "messages", "name": "Messages", "tokens": used, "kind": "used"},
        {"id": "free_space", "name": "Free space", "tokens": free, "kind": "free"},
    ]
    percentage = round(100 * used / lines.CONTEXT_WINDOW)
    return {
        "categories": categories,
        "totalTokens": used,
        "maxTokens": lines.CONTEXT_WINDOW,
        "rawMaxTokens": lines.CONTEXT_WINDOW,
        "percentage": percentage,
        "model": talk.model,
    }
