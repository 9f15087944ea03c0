"""The engine under the console: pool, recovery, flow, cache, tasks, and the API to them."""

__version__ = "0.1.0"
