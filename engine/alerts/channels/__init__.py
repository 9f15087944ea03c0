"""The ways to notify people of an alert, one a module; one may fail without harm to the others."""
