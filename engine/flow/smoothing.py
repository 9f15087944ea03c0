"""Exponential smoothing of what is measured request by request. Pure."""

from __future__ import annotations


def ewma(mean: float, value: float, weight: float) -> float:
    """The exponentially weighted moving average after one more value; `weight`, from 0 to 1, is that of the value."""
    return mean + weight * (value - mean)
