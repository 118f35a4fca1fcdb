"""A device enrolled again under its id is another one: nothing of the former is held against it."""

import json

import pytest

from devices.access.registry import Registry
from devices.contract.reading import Device, Reading
from devices.pilots.pilot import load
from devices.probes.shelf import Shelf
from gateway.ingest.batch import split_memory
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from gateway.ingest.pipeline import Pipeline
from tests.gateway.ports import MINUTE, NOW, FakeReceiver, FakeStore, drain

pytestmark = pytest.mark.usefixtures("quick")
GAUGE = """
id: gauge
maker: A
readings: {rainfall: {from: rain, counter: total}, air_temperature: {from: t}}
"""


class Site:
    """A gateway's loops over its registry, which another process writes."""

    def __init__(self, folder, spool):
        (folder / "probes").mkdir()
        (folder / "probes" / "gauge.yaml").write_text(GAUGE, "utf-8")
        self.pilot = load("dong-thap")
        self.registry, self._reads = (Registry(folder / "registry.sqlite", self.pilot) for _ in range(2))
        self.spool, self.shelf, self.store = spool, Shelf(folder / "probes"), FakeStore()
        self.registry.enroll("tam-que", "soil-probe", "one", probe="gauge")
        self.start()

    def start(self):
        """Begin with what the spool kept, as a gateway that starts does."""
        seen, checked = split_memory(self.spool.seen())
        reads = self._reads
        decoder = Decoder(self.pilot, reads.known, seen, refresh=reads.refresh, shelf=self.shelf)
        self.decoder, self.checker = decoder, Checker(self.pilot, checked)
        receiver = FakeReceiver(self.spool)
        self.pipeline = Pipeline(receiver, self.spool, decoder, self.store, lambda _: (), self.checker)

    def replace(self, community="tam-que"):
        self.registry.revoke("one")
        self.registry.enroll(community, "soil-probe", "one", probe="gauge")
        self._reads.refresh()

    def hear(self, *bodies, community="tam-que", after=0):
        topic = f"hoiquan/v1/dong-thap/{community}/one/telemetry"
        self.spool.append(
            [Message(topic, json.dumps(body).encode(), NOW + (after + place) * MINUTE)
             for place, body in enumerate(bodies)]
        )  # fmt: skip
        drain(self.pipeline, self.spool)

    def values(self, signal, measurement="telemetry"):
        rows = [(time, fields) for (name, _, time), fields in self.store.held.items() if name == measurement]
        return [fields[signal] for _, fields in sorted(rows, key=lambda row: row[0]) if signal in fields]


@pytest.fixture(params=[False, True], ids=["while the gateway runs", "and the gateway restarted"])
def site(request, tmp_path, spool):
    made = Site(tmp_path, spool)
    replace = made.replace

    def replaced(*arguments):
        replace(*arguments)
        if request.param:
            made.start()

    made.replace = replaced
    return made


def test_the_total_of_the_former_gauge_is_no_rain(site):
    site.hear({"rain": 100.0}, {"rain": 101.5})
    site.replace()
    site.hear({"rain": 118.0}, {"rain": 118.5}, after=10)
    assert site.values("rainfall") == [1.5, 0.5]


def test_the_same_numbers_with_the_same_values_are_new(site):
    steady = [{"boot": "1", "seq": seq, "values": {"soil_moisture": 30}} for seq in range(3)]
    site.hear(*steady)
    site.replace()
    site.hear(*steady, after=10)
    assert site.values("soil_moisture") == [30.0] * 6
    assert site.spool.books().duplicate == 0


def test_numbers_that_the_former_lost_are_missed_no_more(site):
    site.hear(*({"boot": "1", "seq": seq, "values": {"soil_moisture": 30}} for seq in (0, 5)))
    assert site.decoder.missing() == {"one": 4}
    site.replace()
    site.hear({"boot": "1", "seq": 0, "values": {"soil_moisture": 30}}, after=10)
    assert site.decoder.missing() == {}


def test_a_clock_that_is_behind_the_formers_is_believed(site):
    site.hear({"boot": "1", "ts": NOW + 3 * MINUTE, "values": {"soil_moisture": 30}})
    site.replace()
    site.hear({"boot": "2", "ts": NOW + 2 * MINUTE, "values": {"soil_moisture": 30}}, after=2)
    assert site.values("soil_moisture") == [30.0, 30.0]


def test_what_the_store_holds_of_the_former_is_not_overwritten(site):
    site.hear({"ts": NOW, "values": {"soil_moisture": 30}})
    site.replace()
    site.hear({"ts": NOW, "values": {"soil_moisture": 31}})
    site.hear({"ts": NOW, "values": {"soil_moisture": 30}})
    assert site.values("soil_moisture") == [30.0]
    assert [row.reason for row in site.spool.quarantined()] == ["conflicting_time"]
    assert site.spool.books().duplicate == 1


def test_another_value_than_the_formers_is_no_leap(site):
    site.hear({"t": 24.0}, {"t": 24.1})
    site.replace()
    site.hear({"t": 36.0}, {"t": 36.1}, after=2)
    assert site.values("air_temperature") == [24.0, 24.1, 36.0, 36.1]


def test_who_stands_elsewhere_now_is_compared_with_the_neighbours_there(site):
    def others(time):
        for place, value in (("tam-que", 24.0), ("my-dien", 40.0)):
            for number in range(3):
                other = Device("dong-thap", place, f"{place}-{number}", "soil-probe", simulated=True)
                site.checker.check(Reading(other, time, {"air_temperature": value}))

    others(NOW)
    site.hear({"t": 24.0})
    site.replace("my-dien")
    others(NOW + 2 * MINUTE)
    site.hear({"t": 40.0}, community="my-dien", after=2)
    assert site.values("air_temperature") == [24.0, 40.0]
    assert site.values("value", "telemetry_flagged") == []


def test_a_memory_without_enrolment_is_of_the_device_that_is_enrolled(site):
    """An earlier version wrote none: its repetitions stay repetitions."""
    site.hear({"boot": "1", "seq": 0, "values": {"soil_moisture": 30}})
    seen, _ = split_memory(site.spool.seen())
    state = {name: value for name, value in json.loads(seen["one"]).items() if name != "enrolled"}
    decoder = Decoder(site.pilot, site.registry.known, {"one": json.dumps(state)}, shelf=site.shelf)
    topic = "hoiquan/v1/dong-thap/tam-que/one/telemetry"
    again = Message(topic, b'{"boot":"1","seq":0,"values":{"soil_moisture":30}}', NOW + MINUTE)
    assert decoder.decode([again]).duplicate == 1
