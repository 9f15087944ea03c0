"""The profiler: where the engine's time and memory go, what its tasks wait for, and what blocks its loop."""
