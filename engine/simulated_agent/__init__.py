"""The simulator's agent: a small process that speaks the CLI's stream-json lines, with the standard library alone."""
