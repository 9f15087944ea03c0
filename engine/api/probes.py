"""What machines ask: alive, ready, metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import json_response
from engine.api.flow_metrics import flow_metrics
from engine.api.performance_metrics import performance_metrics
from engine.api.recovery_metrics import alert_metrics, recovery_metrics, strategy_metrics, success_metric
from engine.api.supervision_metrics import supervision_metrics
from engine.base.version import __version__
from engine.engine import Engine
from engine.events.state import State, Totals
from engine.events.types import Percentiles, PoolCounts, PoolStatistics

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Probes:
    """The probes over one engine; `connections` counts open WebSockets, `consoles` those that follow the events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.connections = 0
        self.consoles = 0
        self._registry = CollectorRegistry()
        self._registry.register(_EngineCollector(engine, self))

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        ]

    async def healthz(self, _request: Request) -> Response:
        """200 as long as the engine's loop runs; `headless` states that it belongs to no console."""
        engine = self._engine
        return json_response(
            {
                "status": "alive",
                "engine": engine.id,
                "pid": os.getpid(),
                "headless": engine.headless,
                "consoles": self.consoles,
            }
        )

    async def readyz(self, _request: Request) -> Response:
        """200 when work can be taken, else 503 with the reasons."""
        reasons = self._engine.ready()
        body = {"ready": not reasons, "reasons": reasons, "simulated": self._engine.choice.simulated}
        return json_response(body, 503 if reasons else 200)

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text format."""
        return Response(generate_latest(self._registry), media_type=_METRICS_TYPE)


class _EngineCollector(Collector):
    """Reads the engine at each scrape: no second set of counters to keep in step."""

    def __init__(self, engine: Engine, probes: Probes) -> None:
        self._engine = engine
        self._probes = probes

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All families."""
        engine, state = self._engine, self._engine.bus.state
        pool = engine.statistics()
        yield self._info()
        for name, (text, value) in _gauges(engine, pool, self._probes.connections).items():
            yield GaugeMetricFamily(name, text, value)
        yield success_metric(engine.recoveries.success_rate)
        for name, (text, value) in _counters(state.totals, pool.counts).items():
            yield CounterMetricFamily(name, text, value)
        yield _shares("quarterdeck_lease_wait_seconds", "Wait for a session, of the last 1024 leases", pool.wait)
        yield _shares("quarterdeck_wake_seconds", "Wakes of conversations, the last 1024", pool.wake)
        yield _failures(state)
        yield _costs(state)
        yield from recovery_metrics(engine.recovery_statistics, engine.clock.wall())
        yield from alert_metrics(engine.alerts)
        yield strategy_metrics(state.strategies)
        yield from flow_metrics(engine)
        yield from performance_metrics(engine)
        yield from supervision_metrics(engine)

    def _info(self) -> Metric:
        choice = self._engine.choice
        info = GaugeMetricFamily("quarterdeck_engine_info", "What runs", labels=["backend", "version", "simulated"])
        info.add_metric([choice.backend, __version__, str(choice.simulated).lower()], 1)
        return info


Figures = dict[str, tuple[str, float]]
"""Name of a metric → what it counts, and its value."""


def _gauges(engine: Engine, pool: PoolStatistics, connections: int) -> Figures:
    state = engine.bus.state
    return {
        "session_pool_size": ("Sessions in the pool", pool.size),
        "websocket_connections_active": ("Open WebSockets", connections),
        "quarterdeck_sessions_leased": ("Sessions in a turn", pool.active),
        "quarterdeck_sessions_idle": ("Idle sessions", pool.idle),
        "quarterdeck_sessions_starting": ("Sessions that are starting", pool.starting),
        "quarterdeck_pool_waiting": ("Requests that wait for a session", pool.waiting),
        "quarterdeck_sessions_warm": ("Sessions that were never used", pool.warm),
        "quarterdeck_sessions_memory_bytes": ("Memory of all sessions, PSS where it was sampled", pool.memory),
        "quarterdeck_sessions_cpu_ratio": ("CPU of all sessions, 1 is one core", pool.cpu / 100),
        "quarterdeck_sessions_parked": ("Parked processes that wait for a conversation to wake", pool.spares),
        "quarterdeck_pool_target": ("Sessions that scaling goes to", pool.target),
        "quarterdeck_conversations_hibernated": ("Conversations without a process", pool.hibernated),
        "quarterdeck_pool_reuse_ratio": ("Leases of a process that ran already / leases", pool.reuse),
        "quarterdeck_pool_utilisation_ratio": ("(leased + waiting) / sessions", pool.utilisation),
        "quarterdeck_permissions_waiting": ("Permissions that wait for an answer", len(state.permissions)),
        "quarterdeck_engine_memory_bytes": ("Resident memory of the engine", state.engine.rss),
        "quarterdeck_transcript_bytes": ("Memory held by transcripts", engine.transcripts.size),
    }


def _counters(totals: Totals, counts: PoolCounts) -> Figures:
    return {
        "quarterdeck_requests": ("Requests taken", totals.requests),
        "quarterdeck_requests_answered": ("Requests answered", totals.answered),
        "quarterdeck_requests_failed": ("Requests given up", totals.failed),
        "quarterdeck_requests_refused": ("Requests that no attempt was made for", totals.refused),
        "quarterdeck_requests_cancelled": ("Requests that their callers or people ended", totals.cancelled),
        "quarterdeck_requests_excused": ("Requests that count for no availability", totals.excused),
        "quarterdeck_requests_cached": ("Requests answered from the cache", totals.cached),
        "quarterdeck_retries": ("Attempts after the first", totals.retries),
        "quarterdeck_turns": ("Turns ended", totals.turns),
        "quarterdeck_tokens_in": ("Input tokens", totals.tokens_in),
        "quarterdeck_tokens_out": ("Output tokens", totals.tokens_out),
        "quarterdeck_tokens_cache_written": (
            "Input tokens written to the prompt cache",
            totals.tokens_cache_written,
        ),
        "quarterdeck_foreign_turns": ("Turns that agents began by themselves", totals.foreign_turns),
        "quarterdeck_cost_dollars": ("Cost as the CLI reports it; simulated turns cost nothing", totals.cost),
        "quarterdeck_sessions_started": ("Sessions started", totals.started),
        "quarterdeck_sessions_crashed": ("Sessions whose process ended by itself", counts.crashes),
        "quarterdeck_sessions_condemned": ("Sessions killed by a health check", counts.condemned),
        "quarterdeck_sessions_paged_out": ("Idle sessions whose memory went to swap", counts.page_outs),
        "quarterdeck_sessions_evicted": ("Idle sessions stopped to make room", counts.evictions),
        "quarterdeck_sessions_retired": ("Sessions replaced or given back", counts.retirements),
        "quarterdeck_processes_leaked": ("Processes that would not end", counts.survivors),
        "quarterdeck_conversations_woken": ("Hibernated conversations resumed", counts.wakes),
        "quarterdeck_conversations_woken_parked": ("Those resumed by a parked process", counts.spare_wakes),
        "quarterdeck_leases_warm": ("Leases of a warm session", counts.warm_hits),
        "quarterdeck_leases_affine": ("Leases of the conversation's or the user's session", counts.affinity_hits),
        "quarterdeck_leases": ("Leases granted", counts.leases),
        "quarterdeck_leases_reused": ("Leases of an already used process", counts.reuses),
    }


def _shares(name: str, text: str, shares: Percentiles) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["percentile"])
    for percentile, seconds in (("50", shares.p50), ("95", shares.p95), ("99", shares.p99)):
        family.add_metric([percentile], seconds)
    return family


def _costs(state: State) -> Metric:
    family = CounterMetricFamily("quarterdeck_credential_cost_dollars", "Cost of turns", labels=["credential"])
    for credential, cost in state.totals.cost_by_credential.items():
        family.add_metric([credential], cost)
    return family


def _failures(state: State) -> Metric:
    given_up = CounterMetricFamily("quarterdeck_failures", "Requests given up, by type", labels=["type"])
    for kind, count in state.errors_by_kind.items():
        given_up.add_metric([kind], count)
    return given_up
