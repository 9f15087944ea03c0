"""The profiler: what it samples, what it makes of it, and where it keeps it."""
