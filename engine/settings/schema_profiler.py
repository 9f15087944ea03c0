"""Settings of the profiler, and the bounds of what it may be given."""

from __future__ import annotations

from engine.settings.fields import BYTES, SECONDS, Duration, Group, Number, Place, Size, Whole, setting

LEAST_RATE, MOST_RATE = 1.0, 1000.0
"""Samples a second."""
LEAST_S, LONGEST_S = 0.1, 3600.0
"""Seconds that one capture may take."""


class Profiler(Group):
    """What a capture measures unless the call says otherwise, and how much of the disk its files may take."""

    sample_rate: Number = setting(
        100.0, "Samples of the engine's threads a second.", unit="hertz", ge=LEAST_RATE, le=MOST_RATE
    )
    duration: Duration = setting(
        30.0, "Time after which a capture stops by itself.", unit=SECONDS, ge=LEAST_S, le=LONGEST_S
    )
    blocking_threshold: Duration = setting(
        0.02, "Time in one step of the event loop from which it counts as blocking.", unit=SECONDS, ge=0.001, le=60
    )
    folder: Place | None = setting(
        None, "Where captures are written.", shown="profiler in engine.state_dir", local_only=True
    )
    max_files: Whole = setting(
        60, "Files that the folder keeps; the oldest captures go first.", unit="files", ge=3, le=10_000
    )
    max_bytes: Size = setting(64 * 1024**2, "Room for all captures.", unit=BYTES, ge=65_536, le=64 * 1024**3)
