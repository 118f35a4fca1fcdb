"""Wrong passwords make a sign-in wait, but nobody can lock the owner out for ever."""

import pytest

from traceability.secretary import throttle
from traceability.secretary.throttle import ACCOUNT, ADDRESS, FORGOTTEN, PAIR, Throttle


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(clock: Clock) -> Throttle:
    return Throttle(clock)


def guess(made: Throttle, clock: Clock, account: str, peer: str, times: int) -> list[float]:
    """Try wrong passwords, each as soon as allowed; returns how long each waited."""
    waits = []
    for _ in range(times):
        waits.append(wait := made.attempt(account, peer))
        if wait:
            clock.now += wait
            assert made.attempt(account, peer) == 0.0
    return waits


def test_the_wait_grows_and_ends(made: Throttle, clock: Clock) -> None:
    waits = guess(made, clock, "a", "10.0.0.1", PAIR.free + 12)
    assert waits[: PAIR.free + 1] == [0.0] * (PAIR.free + 1)
    assert waits[PAIR.free + 1 :] == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0]
    clock.now += FORGOTTEN
    assert guess(made, clock, "a", "10.0.0.1", PAIR.free) == [0.0] * PAIR.free


def test_trying_while_one_waits_does_not_lengthen_it(made: Throttle, clock: Clock) -> None:
    guess(made, clock, "a", "p", PAIR.free + 3)
    wait = made.attempt("a", "p")
    for _ in range(1000):
        assert made.attempt("a", "p") == wait
    clock.now += wait
    assert made.attempt("a", "p") == 0.0


def test_many_at_once_count_as_many(made: Throttle) -> None:
    """An attempt is counted before its password is checked."""
    assert sum(made.attempt("a", "p") == 0.0 for _ in range(100)) == PAIR.free + 1


def test_the_right_password_clears_what_was_wrong(made: Throttle, clock: Clock) -> None:
    guess(made, clock, "a", "p", PAIR.free)
    made.attempt("a", "p")
    made.right("a", "p")
    assert guess(made, clock, "a", "p", PAIR.free) == [0.0] * PAIR.free


def test_an_owner_is_not_shut_out_from_elsewhere(made: Throttle, clock: Clock) -> None:
    for number in range(ACCOUNT.free + 20):  # from many addresses
        made.attempt("a", f"10.1.0.{number}")
        clock.now += 0.01
    wait = made.attempt("a", "home")
    assert 0 < wait <= ACCOUNT.longest
    clock.now += wait
    assert made.attempt("a", "home") == 0.0
    made.right("a", "home")
    for number in range(ACCOUNT.free + 20):
        made.attempt("a", f"10.2.0.{number}")
    assert made.attempt("a", "home") == 0.0, "from where it signed in before it need not wait"


def test_one_address_cannot_try_all_accounts(made: Throttle) -> None:
    free = sum(made.attempt(f"account-{number}", "p") == 0.0 for number in range(1000))
    assert free == ADDRESS.free + 1
    assert made.attempt("account-1", "another") == 0.0
    made.right("account-1", "another")


def test_a_network_of_ipv6_is_one_address(made: Throttle) -> None:
    free = sum(made.attempt("a", f"2001:db8::{number:x}") == 0.0 for number in range(50))
    assert free == PAIR.free + 1
    assert made.attempt("b", "2001:db8:0:1::1") == 0.0


def test_memory_is_bounded(made: Throttle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "KEPT", 100)
    for number in range(1000):
        made.attempt(f"a-{number}", f"p-{number}")
        made.right(f"a-{number}", f"p-{number}")
        made.attempt(f"b-{number}", f"q-{number}")
    assert len(made._counts) <= 100 and len(made._welcome) <= 100
