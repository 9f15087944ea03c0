"""The declarations of operations, one module a subject; they load nothing but `engine.base` and msgspec."""
