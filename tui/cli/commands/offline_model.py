"""`quarterdeck offline-model`: the offline model alone, for any client of the Messages API."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import click

from engine.base.errors import BadInput
from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json

if TYPE_CHECKING:
    from engine.offline_model.scripted_replies import ScriptedReplies


@click.command("offline-model", epilog="Example: quarterdeck offline-model --port 8089")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Changes the scripted words.")
@click.option("--fault", metavar="NAME", help="Fail every turn like this; `--faults` lists the names.")
@click.option("--replies", type=click.Path(dir_okay=False), metavar="FILE", help="Scripts for prompts that hold none.")
@click.option("--faults", is_flag=True, help="List the faults that can be scripted.")
@common_options
def command(common: Common, port: int, seed: int, fault: str | None, replies: str | None, faults: bool) -> None:
    """Serve a Messages API on loopback with scripted replies and faults, until Ctrl-C."""
    from engine.offline_model.faults import FAULTS

    if faults:
        names = sorted(FAULTS)
        print_json(names) if common.json else echo("\n".join(names))
        return
    asyncio.run(_serve(port, seed, fault, replies, as_json=common.json))


async def _serve(port: int, seed: int, fault: str | None, replies: str | None, *, as_json: bool) -> None:
    from engine.offline_model.server import OfflineModel

    model = OfflineModel(port=port, seed=seed, replies=_replies(replies) if replies else None)
    try:
        await model.start()
    except OSError as error:
        sentence = f"127.0.0.1:{port} cannot be listened on: {error.strerror}."
        raise BadInput(sentence, field="port", remedy="Choose another --port.") from error
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        if fault:
            model.fault_all(fault)
        _greet(model.url, as_json=as_json)
        await stop.wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await model.aclose()


def _replies(path: str) -> ScriptedReplies:
    from engine.offline_model.scripted_replies import BadReplies, read_replies

    try:
        return read_replies(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", field="replies", remedy="Choose a file.") from error
    except BadReplies as error:
        raise BadInput(
            str(error), field="replies", remedy="engine/offline_model/scripted_replies.py shows one."
        ) from error


def _greet(url: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"url": url})
        return
    echo(f"ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=offline")
    echo("Serving until Ctrl-C.", err=True)
