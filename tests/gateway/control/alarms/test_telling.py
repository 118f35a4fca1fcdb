"""Which alarms are sent in which order: a webhook that refuses some, many alike, a kill between two."""

import pytest

from devices.clock import MINUTE_MS
from devices.contract.reading import Device
from gateway.control.alarms.message import MOST_NAMED, Words
from gateway.control.alarms.numbers import Numbers
from gateway.control.alarms.sending import Webhook
from gateway.control.alarms.states import Alarm, Key
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from tests.gateway.control.alarms.test_numbers import NOW, RULES, books, gauge
from tests.gateway.control.alarms.test_watch import PILOT, titles, watch


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


def silence(store, at, number):
    """Write that the first `number` devices of SILENT have been silent for four hours."""
    store.write([books(at), *(
        Point("device", tags(pilot="dong-thap", community="tam-que", device=one.device),
              {"silent_minutes": 240.0}, at)
        for one in SILENT[:number]
    )])  # fmt: skip


SILENT = [Device("dong-thap", "tam-que", f"probe-{n:02}", "soil-probe", simulated=False) for n in range(24)]


def enrolled():
    """The pilot's own fleet, and the devices that fall silent."""
    return [*PILOT.fleet.values(), *SILENT]


def test_a_message_that_is_refused_holds_up_none_behind_it(tmp_path, store, told, caplog):
    way, posted = told
    posted.unwanted = "im lặng"
    watching = watch(store, tmp_path, way, devices=enrolled)
    for minute in range(20):
        at = NOW + minute * MINUTE_MS
        silence(store, at, 2)
        store.write([gauge("tam-que", at, salinity=4.4)])
        watching.try_look(at)
    assert [title.partition(" (")[0] for title in titles(posted)] == ["Độ mặn vượt mức III"]
    assert len([one for one in caplog.messages if "413" in one]) == 1
    posted.unwanted = ""
    silence(store, NOW + 20 * MINUTE_MS, 2)
    watching.try_look(NOW + 20 * MINUTE_MS)
    assert "im lặng" in titles(posted)[-1]


def test_what_is_severe_is_told_first(tmp_path, store, told):
    way, posted = told
    posted.refuse = True
    watching = watch(store, tmp_path, way, devices=enrolled)
    for minute in range(20):
        at = NOW + minute * MINUTE_MS
        silence(store, at, 2)
        store.write([gauge("thuan-tan", at, salinity=4.4)])
        watching.try_look(at)
    posted.refuse = False
    posted.clear()
    silence(store, at, 2)
    watching.try_look(at + MINUTE_MS)
    assert [title.partition(" (")[0][:14] for title in titles(posted)] == ["Độ mặn vượt mứ", "Thiết bị im lặ"]


def test_of_many_alike_some_are_named_and_the_others_counted(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way, devices=enrolled)
    for minute in range(20):
        silence(store, NOW + minute * MINUTE_MS, 24)
        watching.try_look(NOW + minute * MINUTE_MS)
    (one,) = posted
    assert len(one["message"]) < 4096 and one["message"].count("Thiết bị im lặng") == MOST_NAMED
    assert "và 14 báo động khác" in one["message"] and "và 14 báo động khác" in one["title"]
    assert (len(one["alerts"]), one["truncatedAlerts"]) == (MOST_NAMED, 14)


def test_who_is_killed_between_two_messages_tells_the_first_one_once(tmp_path, store, told):
    way, posted = told

    class Killed(BaseException):
        """An exception that a look does not catch, as a kill."""

    class Once(Webhook):
        left = 1

        def send(self, message):
            if not self.left:
                raise Killed
            self.left -= 1
            super().send(message)

    first = watch(store, tmp_path, Once(way._url), devices=enrolled)
    with pytest.raises(Killed):
        for minute in range(20):
            at = NOW + minute * MINUTE_MS
            silence(store, at, 2)
            store.write([gauge("tam-que", at, salinity=4.4)])
            first.try_look(at)
    assert len(posted) == 1
    again = watch(store, tmp_path, way, devices=enrolled)
    for minute in range(20, 30):
        at = NOW + minute * MINUTE_MS
        silence(store, at, 2)
        store.write([gauge("tam-que", at, salinity=4.4)])
        again.try_look(at)
    assert sorted(title[:8] for title in titles(posted)) == ["Thiết bị", "Độ mặn v"]


@pytest.mark.parametrize(
    ("indicator", "short", "fires"),
    [
        ("traceability_share", 0.0004, False),
        ("traceability_share", 0.0006, True),
        ("smart_villages", 1, True),
    ],
)
def test_no_alarm_says_that_0_0_points_are_missing(store, indicator, short, fires):
    """A share that is a hair below its path is on course for who reads it with one decimal."""
    (rule,) = (one for one in RULES.values() if (one.quantity, one.query) == (indicator, "course"))
    kpi = {"value": 8 - short, "path": 8.0}
    store.write([Point("kpi", tags(pilot="dong-thap", indicator=indicator), kpi, NOW)])
    number = Numbers(store, PILOT, [rule]).look(NOW)[rule.id][Key()].value
    assert rule.condition.holds(number) is fires
    summary = Words(PILOT, RULES, "vi", "", dict).summary(Alarm(rule.id, Key(), NOW, NOW, number))
    assert ("0,0 điểm" in summary) is not fires
