"""Bounded workers."""
