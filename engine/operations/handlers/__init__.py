"""The handlers, one module a subject: the only code that reaches from an operation into the engine's parts."""
