"""A thread that waits for the lock gets it before the thread that just released it and asks again."""

import threading

from gateway.stores.turns import Turns
from tests.servers import until


def test_who_waits_has_it_before_who_asks_again():
    lock, order = Turns(), []

    def other():
        with lock:
            order.append("other")

    for _ in range(20):
        with lock:
            waiting = threading.Thread(target=other)
            waiting.start()
            until(lock._next.locked, "the other waits")
        with lock:
            order.append("again")
        waiting.join()
    assert order == ["other", "again"] * 20


def test_what_fails_gives_it_back():
    lock = Turns()
    for _ in range(2):
        try:
            with lock:
                raise ValueError
        except ValueError:
            pass
    assert not lock._lock.locked() and not lock._next.locked()
