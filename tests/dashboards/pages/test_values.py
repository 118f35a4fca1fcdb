"""The values on the targets board equal those counted here from the raw messages by other means.

Five seeds. In each, messages are lost on their way: one community has a device that lacks a single hour of
those the rule requires, another has one that just has them all, and a village lacks one of its services.
"""

import json
import random
from datetime import datetime, timedelta, timezone

import pytest

from devices.contract.reading import Reading
from devices.pilots.pilot import INDICATORS, load
from gateway.clerk.clerk import Clerk
from gateway.ingest.message import Books
from gateway.lots.growth import Growth
from gateway.past import Past
from gateway.stores.influx import InfluxStore
from sim.nodes.telemetry import encode_reading
from sim.run import diaries, fleet
from tests.dashboards.filled import DAY, Board, ask
from traceability.sealing.seal import Sealer

HOUR = 3_600_000
HANOI = timezone(timedelta(hours=7))
NOW = int(datetime(2026, 11, 21, 15, 30, tzinfo=HANOI).timestamp() * 1000)
PILOT = load("dong-thap")
MISSES, JUST, SILENT = "tam-que", "canh-tan", "lang-an-nhon"
WANTED = 7 * 24 * 0.8  # hours of 168 that the rule requires: 134.4
BOARD = Board("targets")


def arrived(seed):
    """Messages as they came over the air: (device, payload, epoch ms of arrival)."""
    luck = random.Random(seed)
    weak = {}
    for community, hours in ((MISSES, 134), (JUST, 135)):
        probes = [name for name, one in PILOT.fleet.items() if one.community == community]
        chosen = luck.sample([name for name in probes if "diary" not in name], 3)
        weak |= dict.fromkeys(probes, 0) | dict.fromkeys(chosen, 168) | {chosen[0]: hours}
    for node in fleet(seed, PILOT, interval=3600):
        name = node.device.device
        if node.device.community == SILENT and "soil-probe" in name:
            continue
        heard = list(node.deliveries(NOW - 9 * DAY, NOW))
        kept = weak.get(name)
        if kept is not None:
            first = [m for m in heard if m[0].time < NOW - 7 * DAY]
            last = [m for m in heard if m[0].time >= NOW - 7 * DAY]
            heard = first + sorted(luck.sample(last, min(kept, len(last))), key=lambda m: m[0].time)
        yield from (
            (node.device, encode_reading(reading, clock), reading.time) for reading, clock, *_ in heard
        )


def by_hand(messages, harvests):
    """The three values, from payloads alone."""
    hours, newest = {}, {}
    for device, payload, _ in messages:
        said = json.loads(payload)
        at = said["ts"]
        if NOW - 7 * DAY <= at < NOW:
            slot = int((at - (NOW - 7 * DAY)) // HOUR)
            hours.setdefault(device.community, {}).setdefault(device.device, set()).add(slot)
        if NOW - DAY <= at < NOW:
            newest.setdefault(device.community, set()).update(said["values"])
    iot = [
        community.id for community in PILOT.communities
        if sum(len(slots) >= WANTED for slots in hours.get(community.id, {}).values()) >= 3
    ]  # fmt: skip
    needs = {
        "environment": {"air_temperature", "relative_humidity"},
        "water": {"water_level", "water_ph", "salinity"},
        "irrigation": {"soil_moisture"},
    }
    villages = [
        village.id for village in PILOT.villages
        if village.joined.isoformat() <= "2026-11-21"
        and all(needs[service] <= newest.get(village.id, set()) for service in village.services)
    ]  # fmt: skip
    return iot, villages, {device.community for device, _ in harvests}


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
def test_the_board_shows_what_is_counted_by_hand(influx, tmp_path, seed):
    messages = list(arrived(seed))
    diary = list(diaries(seed, PILOT, NOW - 20 * DAY, NOW))
    harvests = [(device, payload) for device, payload in diary if json.loads(payload)["event"] == "harvest"]
    iot, villages, traced = by_hand(messages, harvests)

    bucket = influx.bucket()
    store = InfluxStore(influx.url, influx.token, influx.org, bucket)
    sealer = Sealer(
        tmp_path / "trace", PILOT, Growth(store, PILOT), "http://localhost:8080", "localhost/test"
    )
    try:
        past = Past(store, PILOT, sealer)
        by_device = {}
        for device, payload, at in messages:
            by_device.setdefault(device, []).append(Reading(device, at, json.loads(payload)["values"]))
        for readings in by_device.values():
            past.keep(readings)
        past.write_down(diary)
        books = Books(received=0, stored=0, duplicate=0, quarantined=0, spooled=0, forgotten=0, oldest=None)
        Clerk(store, PILOT, "g", lambda: books, lambda: list(PILOT.fleet.values()), list).indicators.write(
            NOW
        )
    finally:
        sealer.close()
        store.close()

    shown = {}
    for number, indicator in enumerate(INDICATORS, 1):
        panel = next(p for p in BOARD.panels if p["id"] == 10 * number)
        (series,) = ask(influx, bucket, BOARD.sent(panel["targets"][0]["query"], NOW))
        shown[indicator] = dict(zip(series["columns"], series["values"][0], strict=True))["value"]
    assert shown["iot_communities"] == len(iot)
    assert shown["smart_villages"] == len(villages)
    assert shown["traceability_share"] == pytest.approx(len(traced) / (145 + 255))

    table = next(p for p in BOARD.panels if p["id"] == 4)
    standing = {
        (series["tags"]["indicator"], series["tags"]["community"]):
            dict(zip(series["columns"], series["values"][0], strict=True))
        for series in ask(influx, bucket, BOARD.sent(table["targets"][0]["query"], NOW))
    }  # fmt: skip
    for indicator, expected in (("iot_communities", iot), ("smart_villages", villages)):
        counted = {place for (name, place), row in standing.items() if name == indicator and row["counted"]}
        assert counted == set(expected)
    assert standing["iot_communities", MISSES] | {"time": 0} == {
        "time": 0, "counted": False, "has": "2/3",
    }, "one hour short"  # fmt: skip
    assert standing["iot_communities", JUST]["counted"] is True
    assert standing["smart_villages", SILENT]["has"] == "irrigation"
    assert MISSES not in iot and JUST in iot and SILENT not in villages
