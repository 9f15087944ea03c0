"""The engine under the console: pool, recovery, flow, cache, tasks, and the API to them."""

from engine.base.version import __version__

__all__ = ["__version__"]
