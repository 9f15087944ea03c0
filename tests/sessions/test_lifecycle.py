"""The state of a session: only what the table allows, and facts that agree with each other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sessions.lifecycle import TRANSITIONS, IllegalTransition, Lifecycle, State, Transition


@pytest.mark.parametrize(("state", "change"), [*itertools.product(State, Transition)])
def test_every_pair_leads_on_or_raises_with_the_story(state: State, change: Transition) -> None:
    life = Lifecycle("s1", 0.0)
    life.state = state
    if (state, change) in TRANSITIONS:
        life.change(change, 1.0, "because")
        assert life.state is TRANSITIONS[state, change]
    else:
        with pytest.raises(IllegalTransition, match=rf"Session s1 is {state.value} .*Story: 1.000 {change.value}"):
            life.change(change, 1.0)
        assert life.state is state


def test_every_state_can_be_reached_and_left_for_the_end() -> None:
    reached = {State.STARTING} | {*TRANSITIONS.values()}
    assert reached == {*State}
    ends = {State.ENDED}
    for _ in State:
        ends |= {state for (state, _), to in TRANSITIONS.items() if to in ends}
    assert ends == {*State}


def test_a_lease_needs_a_ready_session_that_takes_work() -> None:
    life = Lifecycle("s1", 0.0)
    with pytest.raises(IllegalTransition, match="starting"):
        life.lease(0.0)
    life.change(Transition.ANSWERED, 1.0)
    life.lease(1.0)
    with pytest.raises(IllegalTransition, match="leased"):
        life.lease(2.0)
    life.release(3.0)
    with pytest.raises(IllegalTransition, match="is not leased"):
        life.release(4.0)
    life.retire("worn", 5.0)
    with pytest.raises(IllegalTransition, match=r"retired \(worn\)"):
        life.lease(6.0)


def test_what_the_agent_does_by_itself_keeps_the_process_to_one_conversation_for_good() -> None:
    life = Lifecycle("s1", 0.0)
    life.change(Transition.ANSWERED, 1.0)
    assert (life.engaged, life.single_use) == ("", "")
    life.tasks_are(("b1", "b2"), 2.0)
    life.foreign_began(5.0)
    assert life.engaged == "2 background tasks"
    assert life.engaged_since == 2.0
    life.tasks_are((), 6.0)
    assert life.engaged.startswith("a turn that the agent began")
    assert life.engaged_since == 5.0
    life.foreign_ended(7.0)
    assert (life.engaged, life.engaged_since) == ("", None)
    assert life.single_use
    life.validate()


def test_a_gone_process_does_nothing_any_more() -> None:
    life = Lifecycle("s1", 0.0)
    life.change(Transition.ANSWERED, 1.0)
    life.tasks_are(("b1",), 2.0)
    life.change(Transition.EXITED, 3.0)
    assert life.engaged == ""
    assert life.gone


STEPS = st.one_of(
    st.sampled_from(Transition).map(lambda change: ("change", change)),
    st.sampled_from(["lease", "release", "foreign_began", "foreign_ended"]).map(lambda name: (name, None)),
    st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(lambda tasks: ("tasks_are", tuple(tasks))),
)


@given(st.lists(STEPS, max_size=40))
def test_the_facts_agree_after_every_step(steps: list[tuple[str, object]]) -> None:
    life = Lifecycle("s1", 0.0)
    for now, (name, given_) in enumerate(steps):
        arguments = (float(now),) if given_ is None else (given_, float(now))
        try:
            getattr(life, name)(*arguments, *(("a reason",) if given_ is Transition.STOPPED else ()))
        except IllegalTransition:
            continue
        life.validate()
    assert life.state in State
