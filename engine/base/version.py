"""The version of Quarterdeck."""

__version__ = "0.1.0"
