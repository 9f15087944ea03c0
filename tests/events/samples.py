"""One event of each type, and generators of plausible streams."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.events import types as ev
from engine.events.types import AnyEvent, SessionState, Severity

SESSIONS = st.sampled_from(["s0001", "s0002", "s0003"])
REQUESTS = st.sampled_from(["r1", "r2", "r3"])
AMOUNTS = st.floats(0, 1000, allow_nan=False)

ONE_OF_EACH: list[AnyEvent] = [
    ev.EngineStarted(engine="e1", pid=1, backend="simulator", version="0", demo=True, banner="SIMULATOR", max_size=4),
    ev.SessionStarting(session="s0001", profile="default", tenant="default", backend="simulator"),
    ev.SessionReady(session="s0001", pid=7, version="2", start_s=0.2),
    ev.RequestQueued(request="r1", user="ana", tenant="default", profile="default", priority="high", prompt="hi"),
    ev.SessionBound(session="s0001", conversation="c1", user="ana"),
    ev.TurnStarted(request="r1", session="s0001", user="ana", prompt="hi"),
    ev.TurnActivity(session="s0001", activity="Bash ls"),
    ev.PermissionAsked(permission="p1", session="s0001", tool="Bash", summary="rm x", deadline=99.0),
    ev.PermissionAnswered(permission="p1", session="s0001", allowed=True, by="ana"),
    ev.ApiRetry(session="s0001", attempt=1, delay=0.5, status=529, error="overloaded"),
    ev.RateLimited(session="s0001", status="rejected", limit="five_hour", resets_at=100.0, used=1.0, overage=True),
    ev.ProtocolFault(session="s0001", reason="not JSON", excerpt="x"),
    ev.TurnEnded(request="r1", session="s0001", ok=True, outcome="answered", duration=1.5, tokens_out=9, cost=0.01),
    ev.ProfilerStarted(kinds=("cpu",), rate=100.0, seconds=30.0, who="ana"),
    ev.ProfilerStopped(reason="stopped", seconds=3.0, samples=300, files=("capture-1.md",)),
    ev.RequestRetrying(request="r1", attempt=1, delay=0.5, kind="network", reason="reset"),
    ev.RequestEnded(request="r1", user="ana", ok=False, duration=2.0, kind="network", code="x", error="reset"),
    ev.ErrorSeen(
        error="r1.1",
        request="r1",
        session="s0001",
        kind="network",
        code="turn_failed",
        text="connection reset",
        rule="reset",
        category="reset",
        retryable=True,
        again=True,
        silent=0.2,
    ),
    ev.ConsolesChanged(consoles=2),
    ev.BreakerChanged(breaker="credential:default", old="closed", new="open", reason="5 failures"),
    ev.RecoveryMeasured(
        breakers=[
            ev.BreakerFigures(
                breaker="credential:default",
                calls=9,
                failed=0.5,
                limit=0.5,
                next_probe=2.0,
                probes_ok=0,
                probes_needed=3,
                trips=1,
                shed=4,
            )
        ],
        budget=400,
        budget_size=500,
        refused=1,
    ),
    ev.RecoveryStarted(
        recovery="v0001", strategy="restart_process", target="session:s0001", error="r1.1", reason="gone", estimated=5.0
    ),
    ev.RecoveryEnded(
        recovery="v0001",
        strategy="restart_process",
        target="session:s0001",
        ok=True,
        reason="ended",
        took=0.4,
        waiters=2,
    ),
    ev.PerformanceMeasured(
        performance=ev.PerformanceReading(
            lag_p50=0.0004,
            lag_p99=0.004,
            lag_most=0.01,
            threads=9,
            descriptors=40,
            blocks=1000,
            block_growth=-2.5,
            events=4.0,
            events_dropped=1,
            garbage=(ev.GarbageReading(2, 3, 0.03, 90),),
        )
    ),
    ev.SessionReadings(readings=[ev.Reading("s0001", 3.0, 1000)], engine_cpu=1.0, engine_rss=5),
    ev.SettingsChanged(who="ana", changes={"session_pool.max_size": [4, 6]}),
    ev.SessionChanged(session="s0001", state=SessionState.STOPPING, reason="idle"),
    ev.SessionEnded(session="s0001", how="eof", exit_code=0, error="", survivors=0),
    ev.OperationExecuted(operation="sessions.stop", who="ana", door="console", target="s0001"),
    ev.OrphansReaped(pids=[3, 4], origin="engine e0"),
    ev.Notice(severity=Severity.WARNING, text="disk", remedy="free it"),
    ev.SessionJudged(session="s0001", condition="suspect", reason="does not answer probes", acted=""),
    ev.PoolScaled(target=4, size=2, reason="2 waiting for 2 sessions", busy=2, waiting=2, cpu=0.5, memory=0.4),
    ev.CacheMeasured(levels=(ev.CacheReading(1, "lru", 3, 1024, 900, 4096, 5, 2, 1e-5, {"room": 1}, 12.5),)),
    ev.CachePrewarmed(done=2, total=2, failed=1),
    ev.QueueMeasured(
        queue=ev.QueueReading(
            waiting=3,
            max_waiting=9,
            drain_time=4.5,
            throughput=0.7,
            aged=1,
            dropped={"full": 2},
            lanes=[ev.LaneReading("urgent", 1, 8.0, 5, "reject", 2.5, 0.1, 0.9)],
            limits=[ev.LimitReading("credential:default model:default", 2, 4, "the API lacks capacity", 6.0)],
            load=0.25,
        ),
        waits=(ev.WaitReading("r1", 1, 1.5), ev.WaitReading("r2", 2)),
    ),
    ev.PoolMeasured(
        pool=ev.PoolStatistics(
            size=2,
            active=1,
            idle=1,
            warm=0,
            starting=0,
            waiting=0,
            hibernated=3,
            min_size=1,
            max_size=4,
            target=2,
            reason="utilisation 50% is between the thresholds",
            utilisation=0.5,
            reuse=0.9,
            throughput=1.5,
            memory=9000,
            cpu=12.5,
            wait=ev.Percentiles(0.1, 0.2, 0.3),
            wake=ev.Percentiles(),
            counts=ev.PoolCounts(leases=10, reuses=9),
        )
    ),
    ev.AlertRaised(rule="errors-many", subject="", severity=Severity.WARNING, text="31 errors a minute", value=31.0),
    ev.AlertSilenced(pattern="errors-*", until=900.0, who="ana"),
    ev.AlertResolved(rule="errors-many", subject="", lasted=60.0),
    ev.ConversationHibernated(conversation="c1", session="s0001", reason="idle"),
    ev.ConversationWoken(conversation="c1", session="s0002", took=0.25),
    ev.EngineDraining(reason="SIGTERM", grace=10.0),
    ev.EngineStopped(reason="SIGTERM"),
    ev.GrantRevoked(grant="g1", action="Bash: rm x  (exactly this)", by="ana"),
    ev.RequestWaiting(request="r1", reason="an approval"),
    ev.ContextMeasured(session="s0001", context=11_000, context_window=200_000),
    ev.BackgroundChanged(session="s0001", tasks=["sleep 60"], own_turn=True),
    ev.ForeignTurnEnded(session="s0001", conversation="c1", ok=True, text="the task is done", tokens_out=3, cost=0.1),
    ev.ConversationRewound(session="s0001", conversation="c1", message="m3", prompts=2, by="ana"),
    ev.TurnSteered(session="s0001", by="ana", prompt="the other way"),
    ev.TurnProgress(session="s0001", words=24, tokens=40, seconds=1.2, rate=33.0),
]

EVENTS: st.SearchStrategy[AnyEvent] = st.one_of(
    st.sampled_from(ONE_OF_EACH),
    st.builds(ev.SessionStarting, session=SESSIONS, profile=st.just("p"), tenant=st.just("t"), backend=st.just("b")),
    st.builds(ev.TurnStarted, request=REQUESTS, session=SESSIONS, user=st.text(max_size=3), prompt=st.text(max_size=9)),
    st.builds(
        ev.TurnEnded,
        request=REQUESTS,
        session=SESSIONS,
        ok=st.booleans(),
        outcome=st.just("answered"),
        duration=AMOUNTS,
        tokens_out=st.integers(0, 999),
        cost=AMOUNTS,
    ),
    st.builds(
        ev.RecoveryEnded,
        recovery=st.just("v0001"),
        strategy=st.sampled_from(["park", "reduce_load"]),
        target=st.just("engine"),
        ok=st.booleans(),
        took=AMOUNTS,
        observed=st.booleans(),
    ),
    st.builds(ev.SessionEnded, session=SESSIONS, how=st.just("sigkill"), error=st.text(max_size=5)),
    st.builds(ev.RequestEnded, request=REQUESTS, user=st.just("u"), ok=st.booleans(), duration=AMOUNTS),
)
