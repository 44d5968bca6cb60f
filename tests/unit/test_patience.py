from __future__ import annotations

import math

import pytest

from memoryos_tasks.adapters.llm.patience import Patience
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.core.errors import Cancelled, ConfigError, DeadlineExceeded, UpstreamTimeout

TIMEOUTS = Timeouts(connect=1, first_token=10, idle=3)


class Clock:
    """A clock that tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_stream_waits_for_its_first_token_then_for_each_next_one() -> None:
    # Given a stream with no deadline
    clock = Clock()
    patience = Patience("openai", TIMEOUTS, math.inf, stream=True, clock=clock)
    # Then the first-token limit runs from the start
    clock.now += 4
    assert patience.read() == 6
    # And the idle limit from the first event, however often it is looked at
    patience.started()
    assert patience.read() == 3
    clock.now += 2
    assert patience.read() == 1
    # And anew for each wait, whatever was done between two
    clock.now += 100
    patience.begin()
    assert patience.read() == 3
    clock.now += 3
    with pytest.raises(UpstreamTimeout, match="fell silent for 3 s"):
        patience.read()


def test_more_events_do_not_move_the_idle_limit_by_themselves() -> None:
    # Given a wait that began with the first event
    clock = Clock()
    patience = Patience("openai", TIMEOUTS, math.inf, stream=True, clock=clock)
    patience.started()
    # When it is said again that the stream has started
    clock.now += 2
    patience.started()
    # Then the limit stands
    assert patience.read() == 1


def test_a_cancelled_call_waits_no_longer() -> None:
    # Given a call with all its time left
    cancelled = False
    patience = Patience("openai", TIMEOUTS, math.inf, stream=True, clock=Clock(), cancelled=lambda: cancelled)
    assert patience.read() == 10
    # When nobody wants it any more
    cancelled = True
    # Then the next look ends it
    with pytest.raises(Cancelled):
        patience.read()


def test_the_deadline_ends_every_wait() -> None:
    # Given a deadline nearer than the other limits
    clock = Clock()
    patience = Patience("openai", TIMEOUTS, clock.now + 2, stream=True, clock=clock)
    assert patience.connect() == 1
    assert patience.read() == 2
    # When it has passed
    clock.now += 2
    # Then nothing waits any more
    with pytest.raises(UpstreamTimeout, match="before the deadline"):
        patience.read()
    with pytest.raises(DeadlineExceeded):
        patience.connect()


@pytest.mark.parametrize(("deadline", "wait"), [(math.inf, 10.0), (600.0, 500.0)])
def test_an_answer_that_does_not_stream_may_take_until_the_deadline(deadline: float, wait: float) -> None:
    patience = Patience("openai", TIMEOUTS, deadline, stream=False, clock=Clock())
    assert patience.read() == wait


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
def test_a_timeout_that_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigError, match="idle"):
        Timeouts(idle=seconds)
