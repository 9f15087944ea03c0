"""Nothing that runs for ever ends of one exception."""
