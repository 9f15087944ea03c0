"""What the console says that it takes itself."""

from __future__ import annotations

from dataclasses import dataclass

from tui.model.own_cost import FRAMES_KEPT, RATES_S, OwnCost


@dataclass
class Machine:
    """A clock and the CPU that was used."""

    now: float = 0.0
    cpu: float = 0.0


def test_frames_and_rates_are_differences_between_refreshes() -> None:
    machine = Machine()
    cost = OwnCost(lambda: machine.now, lambda: machine.cpu)
    cost.refresh(0)
    assert (list(cost.frames), cost.cpu_share, cost.bytes_rate) == ([], 0.0, 0.0)
    for number in range(1, 21):
        machine.now, machine.cpu = number / 2, machine.cpu + (0.010 if number % 10 else 0.030)
        cost.events += 4
        cost.refresh(number * 1000)
    assert abs(cost.frame_p50 - 0.010) < 1e-9
    assert abs(cost.frame_p95 - 0.030) < 1e-9
    assert abs(cost.cpu_share - 2.4) < 1e-6
    assert (cost.bytes_rate, cost.events_rate) == (2000.0, 8.0)


def test_rates_are_those_of_the_last_seconds_and_frames_are_bounded() -> None:
    machine = Machine()
    cost = OwnCost(lambda: machine.now, lambda: machine.cpu)
    for number in range(2 * FRAMES_KEPT):
        machine.now += 1.0
        cost.refresh(10**6 if number >= FRAMES_KEPT else 0)
    assert len(cost.frames) == FRAMES_KEPT
    assert cost.bytes_rate == 0.0
    machine.now += RATES_S
    cost.refresh(10**6 + 500)
    assert 40 < cost.bytes_rate <= 50


def test_a_key_counts_until_the_next_drawing_and_once() -> None:
    machine = Machine()
    cost = OwnCost(lambda: machine.now, lambda: machine.cpu)
    cost.painted()
    assert cost.key_to_paint is None
    cost.key()
    machine.now = 0.004
    cost.painted()
    machine.now = 5.0
    cost.painted()
    assert cost.key_to_paint == 0.004
    cost.key()
    machine.now = 9.0
    cost.painted()  # what was drawn so late was something else
    assert cost.key_to_paint == 0.004
