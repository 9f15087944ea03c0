"""Bounded, named and supervised workers: background work that queues where one task a job would not."""
