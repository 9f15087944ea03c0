"""The engine as a library: asynchronous on the caller's loop, or blocking with a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from msgspec import UNSET

from engine.base.caller import Caller, Door
from engine.base.clock import Clock
from engine.base.errors import BadInput, ErrorKind
from engine.base.operator import user_name
from engine.engine import Engine as Root
from engine.events.types import CacheReading
from engine.library import errors
from engine.library.checks import coroutine, of_kind, one_of, several
from engine.library.circuit_breaker import CircuitBreaker
from engine.library.policies import type_policy
from engine.library.retrying import retried
from engine.library.types import (
    ErrorClass,
    PoolStatistics,
    PriorityQueue,
    RetryPolicy,
    RetryStatistics,
    SessionMetrics,
    StrategyStatistics,
    ThroughputMetrics,
)
from engine.operations.arguments import converted
from engine.operations.declared.cache import CLEAR_CACHE, PREWARM_CACHE, Prewarmed
from engine.operations.declared.memory import OPTIMIZE_MEMORY, BufferClass, VerdictRow
from engine.operations.declared.pool import AUTOSCALE_POOL, SCALE_POOL
from engine.operations.declared.queue import ADJUST_BACKPRESSURE
from engine.operations.execute import Operations
from engine.operations.handlers.binding import rows_as
from engine.operations.operation import A, NoArguments, Operation, R
from engine.requests import Answer, AnswerStream, Request
from engine.settings.load import Loaded
from engine.thread import EngineThread
from engine.workers.workers import WorkerStatistics

T = TypeVar("T")


class Engine:
    """A pool of sessions in this process: `async with Engine(…)` on the caller's loop, `with Engine(…)` on its own.

    Changes nothing of its host: no signal handler, umask, limit, environment variable or child of the host's own.
    `settings` come from `load_settings`; `clock` replaces the time in tests.
    """

    def __init__(self, settings: Loaded, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._root: Root | None = None
        self._thread: EngineThread | None = None
        self._caller = Caller(user_name(), door=Door.LIBRARY)

    async def __aenter__(self) -> Self:
        self._root = Root(self._settings, clock=self._clock)
        try:
            await self._root.start()
        except BaseException:
            await self._root.aclose("start failed")
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.root.drain("the library's user is done")
        await self.root.aclose()

    def __enter__(self) -> Self:
        self._thread = EngineThread(self._settings)
        self._root = self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.request_stop("the library's user is done")
            self._thread.join()

    @property
    def root(self) -> Root:
        """The running engine with all its parts. Raises RuntimeError outside of `with`."""
        if self._root is None:
            raise RuntimeError("The engine is not running; use it inside `with` or `async with`.")
        return self._root

    # requests

    async def submit(self, request: Request | str, stream: AnswerStream | None = None) -> Answer:
        """Answer a request. Raises the QuarterdeckError that states why not."""
        return await self._awaited(self.root.submit(_request(request), stream))

    def ask(self, request: Request | str) -> Answer:
        """Answer a request and block until then, inside `with`. Raises the QuarterdeckError that states why not."""
        return self.run(self.submit(request))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Block until one of this engine's coroutines is done, as `engine.run(engine.scale(4))`; inside `with` only."""
        if self._thread is None:
            work.close()
            raise RuntimeError("This would block; inside `async with` use `await`, as in `await engine.submit(…)`.")
        return self._thread.run(work)

    # pool

    def pool_stats(self) -> PoolStatistics:
        """The pool as it is now."""
        found = self._now(self.root.statistics)
        return PoolStatistics(
            size=found.size,
            active_sessions=found.active,
            idle_sessions=found.idle,
            memory_usage=found.memory,
            cpu_usage=found.cpu,
            throughput_rps=found.throughput,
        )

    def session_metrics(self) -> list[SessionMetrics]:
        """One row a session, in the order in which they started."""
        return self._now(lambda: [_metrics(view) for view in self.root.bus.state.sessions.values()])

    async def scale(self, target: int) -> int:
        """Keep so many sessions, whatever the load; returns the size gone to. Raises BadInput."""
        return (await self._call(SCALE_POOL, target=target)).pool.target

    async def auto_scale(self, enable: bool) -> None:
        """Follow the load from now on, or stay at the present size."""
        await self._call(AUTOSCALE_POOL, enabled=enable)

    # memory

    def memory_pool_stats(self) -> list[BufferClass]:
        """The buffers that are used again, by size."""
        return self._now(lambda: rows_as(BufferClass, self.root.buffers.statistics()))

    async def optimize_pool_sizes(self) -> list[VerdictRow]:
        """Measure whether reuse pays, by size, and go by it."""
        return (await self.execute(OPTIMIZE_MEMORY, NoArguments())).measured

    def recycle_unused_objects(self) -> int:
        """Give back the buffers that nobody uses; returns the bytes."""
        return self._now(self.root.buffers.recycle)

    # the answer cache

    def cache_stats(self) -> list[CacheReading]:
        """Level 1 and, where it is on, level 2."""
        return self._now(self.root.answers.statistics)

    async def clear_cache(self, tag: str | None = None) -> int:
        """Forget all cached answers, or those of a tag; returns how many went. Raises BadInput for what is no tag."""
        return (await self._call(CLEAR_CACHE, tag=UNSET if tag is None else tag)).deleted

    async def prewarm_cache(self, prompts: Collection[str], profile: str = "default") -> Prewarmed:
        """Answer prompts ahead of their askers, at priority `low`. Raises BadInput, NotFound."""
        return (await self._call(PREWARM_CACHE, prompts=several("prompts", prompts), profile=profile)).prewarmed

    def set_eviction_policy(self, name: str) -> None:
        """Evict by another policy from now on: lru, lfu, fifo, tinylfu or an installed one. Raises SettingsError."""
        self._now(lambda: self.root.live.propose({"cache.policy": name}, self._caller.name))

    def set_cache_size(self, level: int, max_bytes: int) -> None:
        """Other room for level 1 or 2 from now on. Raises BadInput, SettingsError."""
        keys = {1: "cache.max_bytes", 2: "cache.disk.max_bytes"}
        if isinstance(level, bool) or level not in keys:
            raise BadInput(f"There is no level {level}.", field="level", remedy="Use 1 for memory, 2 for disk.")
        self._now(lambda: self.root.live.propose({keys[level]: max_bytes}, self._caller.name))

    # the queue

    async def adjust_backpressure(self, load: float) -> int | None:
        """Leave a share of the places free, from 0 to 1; returns the limit of concurrent requests. Raises BadInput."""
        await self._call(ADJUST_BACKPRESSURE, load=load)
        return self._now(lambda: self.root.concurrency.limit)

    def set_priority_queues(self, queues: Collection[PriorityQueue]) -> None:
        """Change these priorities of the queue from now on. Raises SettingsError, and has changed nothing then."""
        for each in (changes := several("queues", queues)):
            of_kind("queues", each, PriorityQueue, "Use PriorityQueue(…) for each.")
        given = {
            f"queue.priorities.{each.priority}.{name}": value
            for each in changes
            for name, value in (
                ("weight", each.weight), ("max_waiting", each.max_size), ("drop_strategy", each.drop_strategy)
            )
            if value is not None
        }  # fmt: skip
        self._now(lambda: self.root.live.propose(given, self._caller.name))

    def throughput_metrics(self) -> ThroughputMetrics:
        """How fast requests go through, and what they wait."""
        return self._now(lambda: _throughput(self.root))

    async def execute(self, operation: Operation[A, R], args: A) -> R:
        """Call any operation of the registry, as the API and the console do, with the rights of the host's user.

        Raises BadInput for arguments that the API would refuse.
        """
        of_kind("operation", operation, Operation, "Use an operation of `engine.operations`.")
        of_kind("args", args, operation.args, f"Use {operation.args.__name__}(…).")
        return await self._call(operation, **{name: getattr(args, name) for name in args.__struct_fields__})

    async def _call(self, operation: Operation[A, R], **given: object) -> R:
        args = converted({name: value for name, value in given.items() if value is not UNSET}, operation)
        return await self._awaited(Operations(self.root).execute(operation, args, self._caller))

    # errors and retries

    def classify_error(self, error: BaseException | str) -> ErrorClass:
        """The class of an exception or of an error's text, by the shipped and the learned rules."""
        of_kind("error", error, BaseException | str, "Use an exception or its text.")
        return self._now(lambda: errors.classify(self.root, error))

    def is_retryable(self, error: BaseException | str) -> bool:
        """Whether the same request may succeed when it is tried again."""
        return self.classify_error(error).retryable

    def priority(self, error: BaseException | str) -> int:
        """How urgent an error is; 1 is dealt with first."""
        return self.classify_error(error).priority

    def suggest_recovery_strategy(self, error: BaseException | str) -> str:
        """The recovery strategy of the error's class; empty where trying again is enough."""
        found = self.classify_error(error)
        return self._now(lambda: errors.strategy_for_class(self.root, found))

    async def retry_with_backoff(self, operation: Callable[[], Awaitable[T]], policy: RetryPolicy | None = None) -> T:
        """Await `operation()` again after errors that may pass, by a policy. Raises the last error."""
        return await retried(self.root, operation, policy)

    def set_retry_policy(self, policy: RetryPolicy | None, error_type: ErrorKind | str | None = None) -> None:
        """Replace the policy of one type of error, of those that the policy names, or of all; None takes it back."""
        if policy is not None:
            of_kind("policy", policy, RetryPolicy, "Use RetryPolicy(…), or None to take it back.")
        named = [error_type] if error_type is not None else list(policy.retryable_errors if policy is not None else ())
        for kind in named:
            one_of("error_type", kind, ErrorKind)
        own = type_policy(policy) if policy is not None else None

        def apply() -> None:
            for kind in named or list(ErrorKind):
                self.root.set_retry_policy(ErrorKind(kind), own)

        self._now(apply)

    def retry_stats(self) -> RetryStatistics:
        """Requests and retries since the engine started."""
        return self._now(lambda: errors.retry_statistics(self.root))

    # breakers and recovery

    def breaker(self, name: str) -> CircuitBreaker:
        """A circuit breaker by name, such as `model:default`. Raises NotFound."""
        return self._now(lambda: CircuitBreaker(self.root, name))

    def strategies(self) -> list[StrategyStatistics]:
        """The recovery strategies, with what was seen of them."""
        return self._now(lambda: errors.strategy_statistics(self.root))

    # workers

    async def spawn_worker(self, work: Coroutine[Any, Any, T], name: str = "job") -> T:
        """Run a job on one of the engine's workers and return its result. Raises what it raises, and Overloaded."""
        return await self._awaited(self._job(work, name, None))

    async def spawn_bounded_worker(self, work: Coroutine[Any, Any, T], timeout: float, name: str = "job") -> T:
        """The same for a job that may take `timeout` seconds once it began. Raises TimeoutError then."""
        return await self._awaited(self._job(work, name, timeout))

    def worker_stats(self) -> WorkerStatistics:
        """The workers and their jobs as they are now."""
        return self._now(self.root.workers.statistics)

    def cleanup_idle_workers(self) -> int:
        """End the idle workers above `workers.minimum`; returns their number."""
        return self._now(self.root.workers.cleanup_idle)

    def set_max_workers(self, most: int) -> None:
        """Set `workers.maximum`, live. Raises SettingsError for a number that makes no sense."""
        self._now(lambda: self.root.live.propose({"workers.maximum": most}, self._caller.name))

    async def _job(self, work: Coroutine[Any, Any, T], name: str, timeout: float | None) -> T:
        coroutine("work", work)
        if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float)):
            work.close()
            raise BadInput(f"timeout is {timeout!r}.", field="timeout", remedy="Give seconds above 0.")
        return await self.root.workers.spawn(work, name, timeout)

    # where the engine lives

    def _now(self, read: Callable[[], T]) -> T:
        """Run something short on the engine's loop."""
        if self._thread is None:
            return read()

        async def there() -> T:
            return read()

        return self._thread.run(there())

    async def _awaited(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something on the engine's loop."""
        if self._thread is None:
            return await work
        return await asyncio.wrap_future(self._thread.call(work))


def _request(given: Request | str) -> Request:
    of_kind("request", given, Request | str, "Use a prompt or Request(…).")
    return given if isinstance(given, Request) else Request(prompt=given)


def _throughput(root: Root) -> ThroughputMetrics:
    pool, queue = root.statistics(), root.pool.queue_reading()
    return ThroughputMetrics(
        throughput_rps=pool.throughput,
        waiting=queue.waiting,
        running=root.concurrency.running,
        limit=root.concurrency.limit,
        dropped=sum(queue.dropped.values()),
        wait_p50=pool.wait.p50,
        wait_p95=pool.wait.p95,
        wait_p99=pool.wait.p99,
    )


def _metrics(view: Any) -> SessionMetrics:
    return SessionMetrics(
        session_id=view.id,
        start_time=view.started_at,
        last_used=view.last_used,
        request_count=view.turns,
        memory_usage=view.pss or view.rss,
        cpu_usage=view.cpu,
        status=view.state.value,
    )
