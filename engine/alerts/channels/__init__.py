"""The ways to tell of an alert, one a module; each is told by the manager and may fail without harm to the others."""
