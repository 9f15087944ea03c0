"""The places of running requests: lowered at once, given back step by step, by credential and model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.flow.concurrency_limit import ConcurrencyLimits
from engine.flow.limit_policies import AimdLimit, GradientLimit, LimitPolicy, Pace, PacedPolicy, Running

INTERVAL = 10.0
A, B = "credential:a model:x", "credential:b model:x"


def limits(clock: ManualClock, most: int = 8, reserve: float = 0.0) -> ConcurrencyLimits:
    """Limits of AIMD policies."""
    return ConcurrencyLimits(lambda: most, lambda: INTERVAL, clock, AimdLimit, lambda: reserve)


def test_it_lowers_what_runs_and_gives_back_a_tenth_of_the_whole_at_each_step() -> None:
    policy = AimdLimit()
    assert policy.limit(Running(0.0, 0, 20, INTERVAL)) is None
    assert policy.decrease(Running(0.0, 16, 20, INTERVAL)) == 11
    assert [policy.limit(Running(at, 11, 20, INTERVAL)) for at in (9.9, 10.0, 35.0)] == [11, 13, 17]
    assert policy.decrease(Running(36.0, 17, 20, INTERVAL)) == 11
    assert policy.next_step(Running(38.0, 11, 20, INTERVAL)) == 8.0
    assert policy.limit(Running(36.0 + 50.0, 11, 20, INTERVAL)) is None
    assert policy.next_step(Running(87.0, 11, 20, INTERVAL)) is None


def test_refusals_of_one_burst_lower_it_once() -> None:
    policy = AimdLimit()
    assert [policy.decrease(Running(at, 20, 20, INTERVAL)) for at in (0.0, 0.1, 0.9, 1.0)] == [14, 14, 14, 9]


@given(
    acts=st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50), st.booleans()), max_size=40),
    most=st.integers(1, 50),
)
def test_a_limit_lets_one_run_at_least_and_always_ends(acts: list[tuple[float, int, bool]], most: int) -> None:
    policy, now = AimdLimit(), 0.0
    for gap, running, less in acts:
        now += gap
        if less:
            before = policy.limit(Running(now, running, most, 5.0)) or max(1, running or most)
            assert 1 <= policy.decrease(Running(now, running, most, 5.0)) <= before
        limit = policy.limit(Running(now, running, most, 5.0))
        assert limit is None or limit >= 1
    assert policy.limit(Running(now + 5.0 * 60, 0, most, 5.0)) is None


def test_answers_that_begin_much_slower_than_usual_lower_it_once_an_interval() -> None:
    policy = AimdLimit()
    facts = [Running(100.0 + number, 10, 10, INTERVAL) for number in range(60)]
    for each in facts[:30]:
        policy.observe(each, Pace(first_token=0.5))
    assert policy.limit(facts[30]) is None
    for each in facts[30:38]:
        policy.observe(each, Pace(first_token=5.0))
    assert policy.limit(facts[38]) == 8
    assert policy.reason.startswith("answers begin ")


def test_gaps_between_tokens_count_and_the_length_of_a_turn_does_not() -> None:
    policy = AimdLimit()
    for number in range(40):
        policy.observe(Running(100.0 + number, 10, 10, INTERVAL), Pace(token_gap=0.02))
    for number in range(8):
        policy.observe(Running(140.0 + number, 10, 10, INTERVAL), Pace(token_gap=0.4))
    assert policy.limit(Running(148.0, 10, 10, INTERVAL)) == 8
    assert policy.reason.startswith("answers go on ")


def test_the_gradient_follows_first_tokens_down_and_up_again() -> None:
    policy, usual = GradientLimit(), Running(0.0, 16, 16, INTERVAL)
    for _ in range(60):
        policy.observe(usual, Pace(first_token=0.5))
    assert policy.limit(usual) is None
    for _ in range(12):
        policy.observe(usual, Pace(first_token=3.0))
    low = policy.limit(usual)
    assert low is not None
    assert 1 <= low < 12
    for _ in range(200):
        policy.observe(Running(0.0, low, 16, INTERVAL), Pace(first_token=0.5))
    assert policy.limit(usual) is None
    assert policy.decrease(usual) == 11


def test_a_gradient_that_nobody_uses_does_not_grow() -> None:
    policy = GradientLimit()
    for _ in range(30):
        policy.observe(Running(0.0, 16, 16, INTERVAL), Pace(first_token=0.5))
    policy.decrease(Running(0.0, 16, 16, INTERVAL))
    for _ in range(50):
        policy.observe(Running(0.0, 1, 16, INTERVAL), Pace(first_token=0.5))
    assert policy.limit(Running(0.0, 1, 16, INTERVAL)) == 11


def test_both_built_in_policies_hear_of_paces() -> None:
    assert isinstance(AimdLimit(), PacedPolicy)
    assert isinstance(GradientLimit(), PacedPolicy)


def test_one_credential_that_lacks_capacity_holds_up_no_other() -> None:
    places = limits(ManualClock())
    held = [places.take(A) for _ in range(4)]
    places.take(B)
    assert places.decrease("credential:a") == 2
    assert places.refusal(A, "medium") == "a place: 2 requests may run at once for now"
    assert places.refusal(B, "medium") == ""
    for place in held[:3]:
        place.close()
    assert places.refusal(A, "medium") == ""
    assert (places.running, places.limit) == (2, 2)


def test_a_credential_whose_name_begins_alike_is_another_one() -> None:
    places = limits(ManualClock())
    for name in ("credential:a model:x", "credential:ab model:x", "credential:a@own model:x"):
        places.take(name)
    places.decrease("credential:a")
    assert [places.limit_of(each.name) is None for each in places.readings()] == [False, True, True]


def test_a_place_is_given_back_once_and_not_held_while_a_person_is_waited_for() -> None:
    places = limits(ManualClock())
    freed: list[int] = []
    places.on_free = lambda: freed.append(places.running)
    place = places.take(A)
    place.pause()
    place.pause()
    assert (places.running, freed) == (0, [0])
    place.resume()
    place.resume()
    assert places.running == 1
    place.close()
    place.close()
    place.resume()
    assert places.running == 0


def test_a_share_of_the_places_is_kept_from_low_requests() -> None:
    places = limits(ManualClock(), most=10, reserve=0.25)
    for _ in range(8):
        places.take(A)
    assert places.refusal(A, "low") == "a place: 2 of 10 are kept for requests above `low`"
    assert places.refusal(A, "medium") == ""
    assert limits(ManualClock(), most=3, reserve=0.25).refusal(A, "low") == ""


def test_no_more_places_are_shared_out_than_the_pool_can_have_sessions() -> None:
    places = limits(ManualClock(), most=100, reserve=0.25)
    places.possible = 8
    for _ in range(6):
        places.take(A)
    assert places.refusal(A, "low") == "a place: 2 of 8 are kept for requests above `low`"
    assert places.adjust(0.5) == 4
    places.adjust(0.0)
    places.possible = 0  # the machine carries none: one may always run
    assert places.most == 1


def test_a_load_that_somebody_gives_leaves_its_share_free_until_it_is_taken_back() -> None:
    places = limits(ManualClock(), most=10)
    assert places.adjust(0.75) == 2
    for _ in range(2):
        places.take(A)
    assert places.refusal(A, "urgent") == "a place: 2 requests may run at once for now"
    assert places.readings()[0].reason == "a load of 75% was given"
    assert places.adjust(1.0) == 1
    assert places.adjust(0.0) is None
    assert places.refusal(A, "urgent") == ""


def test_what_is_at_rest_is_forgotten_beyond_the_bound() -> None:
    places = limits(ManualClock())
    running = places.take("credential:kept model:x")
    for number in range(1000):
        places.take(f"credential:{number} model:x").close()
    assert len(places.readings()) < 300
    assert places.running == 1
    running.close()


def test_a_policy_that_knows_no_paces_is_not_told() -> None:
    class Half:
        def limit(self, facts: Running) -> int | None:
            return facts.most // 2

        def decrease(self, facts: Running) -> int:
            return facts.most // 2

    made: list[LimitPolicy] = [Half()]
    places = ConcurrencyLimits(lambda: 8, lambda: INTERVAL, ManualClock(), lambda: made[0])
    place = places.take(A)
    place.observe(Pace(first_token=1.0))
    reading = places.readings()[0]
    assert (reading.limit, reading.running, reading.next_step) == (4, 1, None)
