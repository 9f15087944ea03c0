"""Flight recordings in the engine's folder."""

from __future__ import annotations

import asyncio

from engine.base.errors import NotFound
from engine.events.recordings import recorded_runs
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.recordings import LIST_RECORDINGS, RecordingRow, RecordingsResult
from engine.operations.handlers.binding import CallContext, handles, page_of, rows_as
from engine.operations.handlers.services import Services


@handles(LIST_RECORDINGS)
async def list_recordings(services: Services, _call: CallContext, args: PageArgs) -> RecordingsResult:
    """The runs that the folder holds, the newest first; read in a thread. Raises NotFound."""
    folder = services.settings.recordings
    try:
        runs = await asyncio.to_thread(recorded_runs, folder)
    except OSError as error:
        text = f"The recordings in {folder} cannot be read: {error.strerror}."
        raise NotFound(text, field="recordings", remedy="Look at the folder's permissions.") from error
    return RecordingsResult(recordings=rows_as(RecordingRow, page_of(args, runs)), total=len(runs))
