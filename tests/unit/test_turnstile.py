from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from memoryos_tasks.services.turnstile import Turnstile


def test_one_is_inside_at_a_time() -> None:
    turnstile = Turnstile()
    assert turnstile.enter()
    assert not turnstile.enter()
    turnstile.leave()
    turnstile.leave()
    assert turnstile.enter()


def test_who_came_meanwhile_is_served_once_more() -> None:
    turnstile = Turnstile()
    turnstile.enter()
    # However many came, once more serves them all
    for _ in range(3):
        turnstile.enter()
    assert [turnstile.leave(), turnstile.leave()] == [False, True]


def test_a_failure_leaves_the_way_free() -> None:
    turnstile = Turnstile()
    turnstile.enter()
    turnstile.enter()
    turnstile.abandon()
    assert turnstile.enter()
    assert turnstile.leave()


def test_nothing_that_was_there_on_entering_is_left_behind() -> None:
    # Given a pile that many threads put one thing on before each comes to have it cleared
    turnstile, guard, together = Turnstile(), threading.Lock(), threading.Barrier(8)
    pile, cleared = 0, 0

    def come() -> None:
        nonlocal pile, cleared
        together.wait(timeout=10)
        for _ in range(200):
            with guard:
                pile += 1
            if not turnstile.enter():
                continue
            while True:
                with guard:
                    cleared, pile = cleared + pile, 0
                if turnstile.leave():
                    break

    # When all have come
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(come) for _ in range(8)]:
            done.result(timeout=30)
    # Then everything was cleared, once
    assert (pile, cleared) == (0, 1600)
