"""Pages that are made ahead: nobody waits for the store, and nobody sees what is old."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboards import kept
from dashboards.kept import Kept
from gateway.store import RetryLater
from tests.servers import until


class Making:
    """Counts how often a page is made; may be held up, or fail."""

    def __init__(self):
        self.made = []
        self.error = None
        self.go = threading.Event()
        self.go.set()

    def __call__(self, name):
        self.go.wait(60)
        if self.error is not None:
            raise self.error
        self.made.append(name)
        return f"{name} {len(self.made)}"


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    return now


def test_a_page_is_made_once_for_all_who_ask_at_the_same_time(monkeypatch):
    making = Making()
    making.go.clear()
    pages = Kept(making, ["vi", "en"])
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(pages.get, "vi") for _ in range(8)]
        making.go.set()
        assert {one.result() for one in asked} == {"vi 1"}
    assert pages.get("en") == "en 2"


def test_a_page_that_is_too_old_is_not_shown(clock):
    pages = Kept(Making(), ["vi"])
    assert pages.get("vi") == "vi 1"
    clock[0] += kept.OLD - 0.1
    assert pages.get("vi") == "vi 1"
    clock[0] += 0.1
    assert pages.get("vi") == "vi 2"


def test_while_it_runs_pages_are_there_before_anybody_asks(monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0.01)
    making = Making()
    pages = Kept(making, ["vi", "en"])
    with pages.running():
        until(lambda: len(making.made) > 5, "pages are made")
        making.go.clear()  # from here on the store does not answer any more
        assert pages.get("en").startswith("en ")
        making.go.set()
    number = len(making.made)
    assert set(making.made) == {"vi", "en"}
    assert len(making.made) == number, "it has ended"


def test_a_store_that_is_away_is_told_to_who_asks_and_the_page_is_back_with_it(monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0.01)
    making = Making()
    making.error = RetryLater("down")
    pages = Kept(making, ["vi"])
    with pages.running():
        with pytest.raises(RetryLater):
            pages.get("vi")
        making.error = None
        until(lambda: making.made, "it is made again")
        assert pages.get("vi").startswith("vi ")
