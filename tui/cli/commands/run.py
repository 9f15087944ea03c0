"""`quarterdeck run PROMPT`: one prompt, its answer on standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from engine.base.errors import BadInput
from engine.base.read_only import check_writable
from engine.requests import PRIORITIES
from tui.cli.options import SECONDS, Common, common_options
from tui.cli.output import echo, print_json
from tui.feeds.client import EngineClient, RemoteError, address_of
from tui.terminal.output import announce


@click.command("run", epilog="Example: quarterdeck run --offline 'say hello'")
@click.argument("prompt")
@click.option("--stream", is_flag=True, help="Print the answer as it grows.")
@click.option("--conversation", default="", metavar="ID", help="Go on with this conversation.")
@click.option("--profile", default="default", show_default=True, help="Profile to run it in.")
@click.option("--deadline", type=SECONDS, metavar="SECONDS", help="Give up after so long.")
@click.option(
    "--priority", type=click.Choice(PRIORITIES), default="medium", show_default=True, help="Its place in the queue."
)
@click.option("--user", default="", metavar="NAME", help="Whose prompt it is; yours without it.")
@click.option("--cacheable", is_flag=True, help="An earlier equal prompt's answer will do.")
@click.option("--cache-ttl", type=SECONDS, metavar="SECONDS", help="Keep its answer so long; implies --cacheable.")
@click.option("--cache-tag", "cache_tags", multiple=True, metavar="TAG", help="Tags its answer; implies --cacheable.")
@click.option("--commands", is_flag=True, help="A leading / is a command of the agent and @ attaches a file.")
@click.option("--no-wait", is_flag=True, help="Print the request's id at once; `queue show ID` reads how it ended.")
@click.option("--cwd", default="", metavar="DIR", help="Work in this directory, one that the profile allows.")
@common_options
def command(common: Common, prompt: str, stream: bool, no_wait: bool, **rest: Any) -> None:
    """Answer one prompt: by the running engine, or else by one of its own. `-` reads the prompt from a pipe."""
    if rest["cwd"]:
        rest["cwd"] = str(Path(rest["cwd"]).absolute())
    rest["cacheable"] = rest["cacheable"] or rest["cache_ttl"] is not None or bool(rest["cache_tags"])
    if no_wait:
        _check_no_wait(common, stream=stream)
    body = {"prompt": _piped() if prompt == "-" else prompt, **rest}
    if no_wait:
        _check_no_wait(common, stream=stream)
    shown = _Shown(stream=stream and not common.json)
    from tui.cli.settings_source import load

    loaded = load(common)
    check_writable(read_only=loaded.settings.engine.read_only)
    with EngineClient(address_of(None, loaded.settings.api.socket)) as client:
        if no_wait:
            _leave(client, body, as_json=common.json)
            return
        if _fits(common) and client.alive():
            answer = _ask_running(client, body, shown)
            survivors = 0
        else:
            answer, survivors = _ask_own(loaded, body, shown)
    shown.finish(answer, as_json=common.json)
    if survivors:
        announce(f"quarterdeck: {survivors} processes would not end; run `quarterdeck doctor`")
        sys.exit(1)


def _piped() -> str:
    """The prompt on standard input. Raises BadInput when it is not UTF-8 text."""
    data = sys.stdin.buffer.read()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadInput(
            f"Standard input is not UTF-8 text: byte {error.start + 1} is 0x{data[error.start]:02x}.",
            field="prompt",
            remedy="Convert it, for example with `iconv -t UTF-8`.",
        ) from error


def _fits(common: Common) -> bool:
    """A backend or the offline model that was asked for by option needs an engine of our own."""
    return not common.backend and not common.offline


def _check_no_wait(common: Common, *, stream: bool) -> None:
    """Only an engine that goes on running can keep an answer. Raises BadInput."""
    if stream:
        remedy = "Leave one of the two out; `quarterdeck queue show ID` reads the answer later."
        raise BadInput("--stream waits for the answer, --no-wait does not.", field="stream", remedy=remedy)
    if not _fits(common):
        remedy = "Start `quarterdeck --engine-only` with that option, then leave it out here."
        raise BadInput("--no-wait needs an engine that runs already.", field="no-wait", remedy=remedy)


def _leave(client: EngineClient, body: dict[str, Any], *, as_json: bool) -> None:
    """Give the prompt to the running engine and print the id to read its end with. Raises NoEngine."""
    given = client.call("POST", "/api/prompts", {**body, "wait": False})["prompt"]
    print_json(given) if as_json else echo(given["request"])


class _Shown:
    """What was printed so far; a piece that comes again is not printed twice."""

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream
        self._text = ""

    def event(self, name: str, data: dict[str, Any]) -> None:
        """One server-sent event."""
        if name == "delta":
            self.delta(data["text"])
        elif name == "dropped":
            self.dropped(data["size"])

    def started(self, session: str, conversation: str) -> None:
        """Nothing to print."""

    def delta(self, text: str) -> None:
        """Print a piece."""
        self._text += text
        if self._stream:
            echo(text, nl=False)
            sys.stdout.flush()

    def dropped(self, size: int) -> None:
        """The last `size` characters come again, on a line of their own."""
        self._text = self._text[: max(0, len(self._text) - size)]
        if self._stream:
            echo("\n[interrupted, again]", err=True)

    def finish(self, answer: dict[str, Any], *, as_json: bool) -> None:
        """Print what was not streamed."""
        if as_json:
            print_json(answer)
        elif not self._stream or not self._text:
            echo(answer["text"])
        elif not self._text.endswith("\n"):
            echo()


def _ask_running(client: EngineClient, body: dict[str, Any], shown: _Shown) -> dict[str, Any]:
    with client.stream("/api/prompts", {**body, "stream": True}) as events:
        for name, text in events:
            data = msgspec.json.decode(text)
            shown.event(name, data)
            if name == "answer":
                answer: dict[str, Any] = data
                return answer
            if name == "error":
                raise RemoteError(502, data)
    raise RemoteError(502, {"error": "The engine ended the stream without an answer.", "code": "stream_cut"})


def _warn_of_simulator(loaded: Any, banner: str) -> None:
    """A simulated answer that nobody asked for is announced on standard error."""
    if loaded.settings.engine.backend == "auto" and banner.startswith("SIMULATOR"):
        echo(f"quarterdeck: {banner}; the answer is made up", err=True)
        echo("  → `quarterdeck doctor` tells what is missing; `--backend simulator` means it.", err=True)


def _ask_own(loaded: Any, body: dict[str, Any], shown: _Shown) -> tuple[dict[str, Any], int]:
    """The answer of an engine of our own, and the number of processes that outlived it."""
    from engine.requests import Request
    from tui.cli.commands.own_engine import own_engine

    request = Request(id="run", **body)
    request.check()
    with own_engine(loaded) as thread:
        _warn_of_simulator(loaded, thread.engine.choice.banner)
        answer = thread.run(thread.engine.submit(request, shown))
    decoded: dict[str, Any] = msgspec.to_builtins(answer)
    return decoded, thread.survivors
