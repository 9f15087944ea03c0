"""Alerts: when a figure or an event needs somebody, and the ways to tell them."""
