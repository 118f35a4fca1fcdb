"""The watch over a store, with a real webhook and mail server: what it sends, remembers and stores."""

import json
import logging
from itertools import count as counting
from itertools import islice

import pytest

from devices.access.database import RegistryAway
from devices.clock import HOUR_MS, MINUTE_MS
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway.control.alarms.watch import Watch, remembered
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from tests.gateway.control.alarms.test_numbers import NOW, books, gauge

PILOT = load("dong-thap")
PLACE = "Hội quán Tâm Quê, phường Cao Lãnh"

SIMULATED = "(thiết bị mô phỏng)"


class Fitful(SqliteStore):
    """A store that does not answer while `away` is set."""

    away = False

    def latest(self, *of, **more):
        if self.away:
            raise RetryLater("store.silent", error="no answer")
        return super().latest(*of, **more)


@pytest.fixture
def store(tmp_path):
    made = Fitful(tmp_path / "store.sqlite")
    yield made
    made.close()


def watch(store, folder, *ways, **more):
    return Watch(store, PILOT, folder / "alarms", channels=ways, site="https://example.test", **more)


def minutes(watching, store, first, number, **values):
    """Look once a minute, each time after a reading of `values` at Tâm Quê; return the next minute."""
    for minute in range(first, first + number):
        at = NOW + minute * MINUTE_MS
        if not store.away:
            store.write([books(at), *([gauge("tam-que", at, **values)] if values else [])])
        watching.try_look(at)
    return first + number


def titles(posted):
    return [one["title"] for one in posted]


def now_shown(store, at):
    return {
        latest.tags["quantity"]: {name: value for name, (_, value) in latest.fields.items()}
        for latest in store.latest("alarm_now", {"pilot": "dong-thap"}, at - HOUR_MS)
    }


def test_what_begins_rises_and_ends_is_told_by_a_webhook_and_shown(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    after = minutes(watching, store, 0, 10, salinity=0.9)
    shown = now_shown(store, NOW)["salinity"]
    assert shown["state"] == "firing" and shown["level"] == "I" and not shown["severe"]
    assert shown["text"] == "Độ mặn vượt mức I (0,69 g/L): 0,90 g/L"
    assert shown["text_en"] == "Salinity over level I (0.69 g/L): 0.90 g/L" and shown["simulated"]
    assert (shown["since"], shown["looked"]) == (NOW, NOW + 9 * MINUTE_MS)
    after = minutes(watching, store, after, 10, salinity=4.4)
    after = minutes(watching, store, after, 70, salinity=0.2)  # the hour in which 4.4 was measured passes
    assert titles(posted) == [
        f"Độ mặn vượt mức I (0,69 g/L): 0,90 g/L {SIMULATED} – {PLACE}.",
        f"Độ mặn vượt mức III (4 g/L): 4,40 g/L {SIMULATED} – {PLACE}.",
        f"ĐÃ HẾT: Độ mặn vượt mức III (4 g/L): 0,20 g/L {SIMULATED} – {PLACE}.",
    ]
    assert [one["status"] for one in posted] == ["firing", "firing", "resolved"]
    assert "đóng cống" in posted[0]["message"]
    assert "Xem: https://example.test/place/tam-que\n" in posted[0]["message"]
    assert "cống" not in posted[2]["message"]
    (one,) = posted[1]["alerts"]
    assert one["labels"]["place"] == "tam-que" and one["value"] == 4.4
    assert now_shown(store, NOW + after * MINUTE_MS)["salinity"]["state"] == "over"


def test_a_store_that_is_away_is_one_message_and_nothing_of_the_field_ends(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    after = minutes(watching, store, 0, 3, salinity=1.5)
    store.away = True
    after = minutes(watching, store, after, 30)
    store.away = False
    after = minutes(watching, store, after, 10, salinity=1.5)
    assert titles(posted) == [
        f"Độ mặn vượt mức II (1,2 g/L): 1,50 g/L {SIMULATED} – {PLACE}.",
        "Kho số liệu không trả lời.",
        "ĐÃ HẾT: Kho số liệu không trả lời.",
    ]


def test_a_watch_that_begins_again_goes_on_and_tells_nothing_twice(tmp_path, store, told):
    way, posted = told
    after = minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
    after = minutes(watch(store, tmp_path, way), store, after, 30, salinity=1.5)
    assert len(posted) == 1
    after = minutes(watch(store, tmp_path, way), store, after + 100, 30, salinity=0.2)
    assert titles(posted)[1:] == [f"ĐÃ HẾT: Độ mặn vượt mức II (1,2 g/L): 0,20 g/L {SIMULATED} – {PLACE}."]
    minutes(watch(store, tmp_path, way), store, after, 30, salinity=0.2)
    assert len(posted) == 2


def test_where_nothing_at_all_is_found_any_more_nobody_knows(tmp_path, store, told):
    """The rule's last gauge is silent for a week: the alarm ends as unknown, neither clear nor endless."""
    way, posted = told
    watching = watch(store, tmp_path, way)
    minutes(watching, store, 0, 3, salinity=1.5)
    week = 8 * 24 * 60
    minutes(watching, store, week, 3)
    assert "HẾT" not in " ".join(titles(posted)) and "KHÔNG RÕ" not in " ".join(titles(posted))
    minutes(watching, store, week + 24 * 60, 6)
    ended = [title for title in titles(posted) if "KHÔNG RÕ" in title]
    assert len(ended) == 1 and PLACE in ended[0]
    before = len(posted)
    minutes(watching, store, week + 3 * 24 * 60, 6)
    assert len(posted) == before and "ĐÃ HẾT: Độ mặn" not in " ".join(titles(posted))


def test_who_could_not_be_told_is_told_how_it_is_once_he_can_be(tmp_path, store, told, caplog):
    way, posted = told
    posted.refuse = True
    watching = watch(store, tmp_path, way)
    with caplog.at_level(logging.WARNING):
        after = minutes(watching, store, 0, 3, salinity=0.9)
        after = minutes(watching, store, after, 10, salinity=4.4)
    assert len([one for one in caplog.messages if "cannot be sent by webhook" in one]) == 1
    posted.refuse = False
    posted.clear()
    minutes(watching, store, after, 3, salinity=4.4)
    assert titles(posted) == [f"Độ mặn vượt mức III (4 g/L): 4,40 g/L {SIMULATED} – {PLACE}."]


def test_an_end_that_could_not_be_told_is_told_though_it_nearly_began_again(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    moments = counting(NOW, MINUTE_MS)

    def silent(hours, number):
        for at in islice(moments, number):
            where = tags(pilot="dong-thap", community="tam-que", device="tam-que-canal-gauge-01")
            store.write([books(at), Point("device", where, {"silent_minutes": 60 * hours}, at)])
            watching.try_look(at)

    silent(4.0, 20)
    posted.refuse = True
    silent(0.0, 5)
    silent(4.0, 5)  # too short to fire
    posted.refuse = False
    posted.clear()
    silent(4.0, 2)
    assert titles(posted) == []
    silent(0.0, 5)
    (title,) = titles(posted)
    assert title.startswith(f"ĐÃ HẾT: Thiết bị im lặng quá 3 giờ: 0,0 giờ {SIMULATED} – ")
    assert remembered(tmp_path / "alarms").alarms == []


def test_a_webhook_that_points_elsewhere_has_not_taken_the_message(tmp_path, store, told, caplog):
    way, posted = told
    posted.elsewhere = "/new"
    watching = watch(store, tmp_path, way)
    minutes(watching, store, 0, 3, salinity=1.5)
    assert len(posted) == 3 and "cannot be sent by webhook" in caplog.text and "301" in caplog.text
    posted.elsewhere = ""
    minutes(watching, store, 3, 3, salinity=1.5)
    assert len(posted) == 4


@pytest.mark.parametrize("pause", ["the store is away", "no gateway runs"])
def test_what_waits_to_fire_does_not_because_nobody_looked_for_a_while(tmp_path, store, told, pause):
    """A short imbalance of the books before the pause and another after it are not six minutes of one."""
    way, posted = told
    watching = watch(store, tmp_path, way)

    def out(at):
        store.write([books(at, stored=7)])
        watching.try_look(at)

    out(NOW)
    out(NOW + MINUTE_MS)
    if pause == "the store is away":
        store.away = True
        after = minutes(watching, store, 2, 30)
        store.away = False
    else:
        watching, after = watch(store, tmp_path, way), 600
    posted.clear()
    for minute in range(after, after + 2):
        out(NOW + minute * MINUTE_MS)
    assert not [title for title in titles(posted) if "HẾT" not in title]
    out(NOW + (after + 2) * MINUTE_MS)
    (title,) = (title for title in titles(posted) if "HẾT" not in title)
    assert title.startswith("Sổ cái"), "a minute before, three that may pass between two looks, and two since"


def test_what_waits_to_fire_does_though_looks_take_long(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    for minute in range(0, 20, 4):
        store.write([books(NOW + minute * MINUTE_MS, stored=7)])
        watching.try_look(NOW + minute * MINUTE_MS)
    assert any(title.startswith("Sổ cái") for title in titles(posted))


@pytest.mark.parametrize("again", [False, True])
def test_a_clock_that_was_ahead_and_is_put_back_silences_nothing(tmp_path, store, told, again):
    way, posted = told
    watching = watch(store, tmp_path, way)
    # the machine's clock shows local time as if it were UTC
    minutes(watching, store, 7 * 60, 10, salinity=1.5)
    watching = watch(store, tmp_path, way) if again else watching
    after = minutes(watching, store, 0, 10, salinity=4.5)
    minutes(watching, store, after, 90, salinity=0.2)
    assert [title.partition(" (")[0] for title in titles(posted)] == [
        "Độ mặn vượt mức II", "Độ mặn vượt mức III", "ĐÃ HẾT: Độ mặn vượt mức III"
    ]  # fmt: skip


def test_what_still_fires_is_told_again_after_half_a_day(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    for minute in range(0, 13 * 60, 10):
        minutes(watching, store, minute, 1, salinity=1.5)
    assert titles(posted) == [f"Độ mặn vượt mức II (1,2 g/L): 1,50 g/L {SIMULATED} – {PLACE}."] * 2


def test_what_could_not_be_written_down_is_shown_and_written_at_the_next_look(tmp_path, store, told, caplog):
    way, posted = told
    (tmp_path / "alarms").mkdir()  # nothing can be written there, as on a full disk
    watching = watch(store, tmp_path, way)
    after = minutes(watching, store, 0, 3, salinity=1.5)
    assert "alarms cannot be shown or written down" in caplog.text
    assert now_shown(store, NOW)["salinity"]["state"] == "firing"
    (tmp_path / "alarms").rmdir()
    after = minutes(watching, store, after, 1, salinity=1.5)
    minutes(watch(store, tmp_path, way), store, after, 3, salinity=1.5)
    assert len(posted) == 1, "nobody is told twice"


def test_names_of_silent_devices_are_asked_for_once_a_look_and_a_registry_that_is_away_stops_nothing(
    tmp_path, store, told
):
    way, posted = told
    asked = []

    def devices():
        asked.append(True)
        if len(asked) > 16:
            raise RegistryAway("enrol.away", error="gone")
        return list(PILOT.fleet.values())

    watching = watch(store, tmp_path, way, devices=devices)
    for minute in range(20):
        at = NOW + minute * MINUTE_MS
        store.write([books(at), *(
            Point("device", tags(pilot="dong-thap", community=one.community, device=one.device),
                  {"silent_minutes": 250.0}, at)
            for one in list(PILOT.fleet.values())[:30]
        )])  # fmt: skip
        watching.try_look(at)
    assert len(asked) == 20 and posted and all("“" not in title for title in titles(posted))


@pytest.mark.parametrize("simulated", [(True, True), (True, False), (False, False)])
def test_where_real_and_simulated_devices_are_silent_the_simulated_ones_are_marked(
    tmp_path, store, simulated
):
    devices = [Device("dong-thap", "tam-que", f"d{n}", "soil-probe", one) for n, one in enumerate(simulated)]
    watching = watch(store, tmp_path, devices=lambda: devices)
    for minute in range(20):
        at = NOW + minute * MINUTE_MS
        wheres = [tags(pilot="dong-thap", community="tam-que", device=one.device) for one in devices]
        store.write([books(at), *(Point("device", one, {"silent_minutes": 250.0}, at) for one in wheres)])
        watching.try_look(at)
    shown = now_shown(store, NOW)["silent"]
    assert (shown["simulated"], shown["real"]) == (all(simulated), not any(simulated))
    first, second = str(shown["text"]).split("; ")
    assert [SIMULATED in one for one in (first, second)] == [any(simulated) and not all(simulated), False]


def test_the_only_gauge_once_revoked_ends_its_alarm_within_minutes_also_while_the_registry_is_away(
    tmp_path, store, told
):
    way, posted = told
    speaking, away = list(PILOT.fleet.values()), [True]

    def devices():
        if away[0]:
            raise RegistryAway("enrol.away", error="gone")
        return speaking

    watching = watch(store, tmp_path, way, devices=devices)
    after = minutes(watching, store, 0, 3, salinity=4.4)
    assert len(posted) == 1, "nobody knows who may speak: it counts"
    away[0] = False
    after = minutes(watching, store, after, 1, salinity=4.4)
    speaking.remove(PILOT.fleet["tam-que-canal-gauge-01"])
    after = minutes(watching, store, after, 1)
    away[0] = True
    minutes(watching, store, after, 3)
    assert now_shown(store, NOW)["salinity"]["state"] == "lost"
    assert len(posted) == 2 and posted[1]["alerts"][0]["outcome"] == "lost"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"alarms": [{"rule": 3}]}', b"\xff\x00"])
def test_a_damaged_memory_is_said_and_alarms_begin_anew(tmp_path, store, told, damage, caplog):
    way, posted = told
    minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
    (tmp_path / "alarms").write_bytes(damage)
    minutes(watch(store, tmp_path, way), store, 3, 3, salinity=1.5)
    assert len(posted) == 2 and "alarms begin anew" in caplog.text


def test_a_rule_that_the_pilot_file_does_not_have_any_more_is_forgotten(tmp_path, store, told):
    way, posted = told
    minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
    kept = json.loads((tmp_path / "alarms").read_text("utf-8"))
    (tmp_path / "alarms").write_text(json.dumps(kept).replace("salinity-3", "salinity-9"), "utf-8")
    minutes(watch(store, tmp_path, way), store, 120, 8, salinity=0.2)
    assert len(posted) == 1
    assert remembered(tmp_path / "alarms").alarms == []
