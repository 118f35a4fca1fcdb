"""Nothing false is sealed, nothing true is dropped, and no message ends the gateway. Mosquitto, a gateway and
the pages run as processes; the cases are inputs that once went wrong.
"""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from devices.access.registry import Registry
from devices.pilots.pilot import load
from gateway.ingest.message import Message
from gateway.ingest.spool import Spool
from gateway.lots.growth import Growth
from gateway.stores.sqlite import SqliteStore
from tests.loopback import answers, free_port
from tests.system.running import Mosquitto, Publisher, Running, command, done, hoiquan, until
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

CASES = Path(__file__).parents[1] / "cases"
PLACE = "hoiquan/v1/dong-thap/tam-que/"
PROBE, NOTES, EUI = f"{PLACE}probe/telemetry", f"{PLACE}notebook/diary", "24e124136b502217"
UPLINK = f"application/1/device/{EUI}/event/up"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


class Site:
    """A broker, and a gateway and pages on one data folder."""

    def __init__(self, folder):
        self.folder, self.data = folder, folder / "data"
        self.broker = Mosquitto(folder / "broker")
        self.settings = {"HOIQUAN_MQTT": self.broker.url, "HOIQUAN_GATEWAY_PASSWORD": "x",
                         "HOIQUAN_SPOOL_FREE_MB": "0", "HOIQUAN_DATA": str(self.data)}  # fmt: skip
        registry = Registry(self.data / "registry.sqlite", load("dong-thap"))
        registry.enroll("tam-que", "soil-probe", "probe", EUI)
        for number in (5, 6, 7):
            registry.enroll("tam-que", "soil-probe", f"probe-{number}")
        registry.enroll("tam-que", "diary", "notebook")
        self.port = free_port()
        self.publisher, self.sent = None, 0

    def start(self):
        self.gateway = Running(self.folder / "gateway.log", command("gateway"), **self.settings)
        pages = command("web", "--http-port", str(self.port))
        self.pages = Running(self.folder / "pages.log", pages, **self.settings)
        until(
            "the gateway is well", 30, lambda: self.running() and (self.data / "gateway" / "alive").exists()
        )
        until("the pages answer", 30, lambda: answers(self.port))
        self.publisher = Publisher(self.broker.port, "notebook", hears=f"{PLACE}#")

    def stop(self):
        if self.publisher is not None:
            self.publisher.close()
            self.gateway.stop()
            self.pages.stop()
        self.broker.stop()

    def running(self):
        assert not self.gateway.ended(), self.gateway.text()
        return True

    def say(self, topic, *payloads):
        for payload in payloads:
            body = payload if isinstance(payload, str | bytes) else json.dumps(payload)
            self.publisher.publish(topic, body)
        self.sent += len(payloads)
        self.publisher.all_acknowledged()

    def settled(self):
        books = self.books()
        assert books.balanced
        return self.running() and books.spooled == 0 and books.received >= self.sent

    def spool(self):
        return closing(Spool.to_read(self.data / "gateway" / "spool.sqlite"))

    def books(self):
        with self.spool() as spool:
            return spool.books()

    def refused(self):
        """(reason, `id` in the payload) of each refused message, oldest first."""
        with self.spool() as spool:
            return [
                (row.reason, json.loads(row.payload).get("id")) for row in reversed(spool.quarantined(1000))
            ]

    def fates(self):
        """Diary entry → "" if it was sealed or kept, else the reason why not."""
        with closing(sqlite3.connect(f"file:{self.data}/trace/trace.sqlite?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT harvest, refused FROM lot UNION SELECT id, refused FROM later WHERE done"
            )
            return dict(rows.fetchall())

    def values(self, device="probe"):
        store = SqliteStore(self.data / "store.sqlite")
        rows = store.series("telemetry", {"device": device}, 0, 2**60, 10_000)
        store.close()
        return sorted((row.time, value) for row in rows for value in row.fields.values())

    def next_reading_is_stored(self, value):
        """Publish a reading: it is stored soon, and the pages answer."""
        self.say(PROBE, {"values": {"co2": value}})
        until("the next reading", 5, lambda: value in [v for _, v in self.values()])
        assert self.running()
        assert urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).read() == b"ok\n"


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    made.start()
    yield made
    made.stop()


def event(kind, id, ts, **more):
    when = ts if isinstance(ts, str) else ts.isoformat()
    return {"event": kind, "id": id, "ts": when, "plot": "plot-1", "crop": "mango"} | more


KINDS = {
    "planting": {"seed": "giống", "area_ha": 1},
    "input": {"product": "thuốc", "purpose": "pesticide", "dose": "1 l/ha"},
    "irrigation": {"minutes": 3},
    "pest_observation": {"pest": "rầy", "level": "low"},
    "harvest": {"quantity_kg": 5},
    "packing": {"quantity_kg": 1, "packages": 1, "harvest": "first"},
    "shipping": {"quantity_kg": 1, "buyer": "ai đó", "harvest": "first"},
    "split": {"harvest": "first", "parts": [1, 1]},
    "merge": {"harvests": ["first", "second"]},
    "correction": {"of": "first", "reason": "nhầm", "changes": {"quantity_kg": 4}},
    "revocation": {"harvest": "first", "reason": "hỏng"},
}
ABOUT_LOTS = ("packing", "shipping", "split", "merge", "revocation")
TIMES = {
    "year-1": "0001-01-01T00:00:00+07:00",
    "year-1-utc": "0001-01-01T00:00:00Z",
    "year-9999": "9999-12-31T23:59:59Z",
    "year-9999-west": "9999-12-31T23:59:59-14:00",
    "after-tomorrow": (NOW + 2 * DAY + timedelta(hours=1)).isoformat(),
    "before-joining": "2021-06-01T00:00:00Z",
    "before-its-predecessor": (NOW - 40 * DAY).isoformat(),
}


def test_no_kind_of_entry_may_be_of_a_day_that_cannot_be(site):
    site.say(NOTES, event("harvest", "first", NOW - 30 * DAY, quantity_kg=100),
             event("harvest", "second", NOW - 29 * DAY, quantity_kg=100))  # fmt: skip
    until("both are sealed", 20, lambda: list(site.fates().values()) == ["", ""])
    expected, later = {}, {}
    for kind, more in KINDS.items():
        for name, ts in TIMES.items():
            id = f"{kind.replace('_', '-')}-{name}"
            site.say(NOTES, event(kind, id, ts, **more))
            if name == "before-its-predecessor":
                if kind in ABOUT_LOTS:
                    later[id] = "before_harvest"
            else:
                expected[id] = "date_late" if name.startswith(("year-9999", "after")) else "date_early"
    # first: one of the corrections below moves the harvest, and then these are no longer before it
    until("what concerns lots", 20, lambda: later.items() <= site.fates().items())
    for name, ts in TIMES.items():  # as a correction would set it
        site.say(
            NOTES, event("correction", f"changed-{name}", NOW, of="first", reason="nhầm", changes={"ts": ts})
        )
        if name == "before-joining":
            later[f"changed-{name}"] = "bad_date"
        elif name != "before-its-predecessor":
            late = name.startswith(("year-9999", "after"))
            expected[f"changed-{name}"] = "date_late" if late else "date_early"
    until("all is handled", 30, site.settled)
    assert {id: reason for reason, id in site.refused()} == expected
    until("and corrections", 20, lambda: later.items() <= site.fates().items())
    told = [json.loads(payload) for topic, payload in site.publisher.heard if topic.endswith("/rejected")]
    assert any("0001-01-01 < 2022-09-01" in one["vi"] and "older" in one["en"] for one in told)
    site.next_reading_is_stored(401)
    assert "unhandled" not in site.gateway.text() and "Traceback" not in site.gateway.text()


def test_work_of_before_the_joining_is_kept_when_its_writer_was_asked(site):
    long_ago, sown = "2015-04-01T07:00:00+07:00", KINDS["planting"] | {"older": True}
    site.say(NOTES, event("planting", "trees", long_ago, **sown),
             event("harvest", "no", long_ago, older=True, quantity_kg=1),
             event("planting", "never", long_ago.replace("20", "19", 1), **sown))  # fmt: skip
    until("all is handled", 20, site.settled)
    assert site.refused() == [("bad_diary", "no"), ("date_early", "never")]


def lines(name):
    return (CASES / name).read_text("utf-8").splitlines()


def test_the_small_inputs_that_went_wrong(site):
    """Cases 1 to 4 and 12 in the order in which a village would send them; 5 to 7 are a probe's."""
    site.say(NOTES, *lines("01-harvest-again.jsonl"))
    for name in ("02-zero-time.json", "02b-zero-time-harvest.json", "02c-max-time.json"):
        site.say(NOTES, (CASES / name).read_bytes())
    # the gateway has the machine's clock: the wrong year stays as far ahead as it was in 2026
    site.say(NOTES, lines("03-harvest-of-2031.jsonl")[1].replace("2031-", f"{NOW.year + 5}-"))
    site.say(f"{PLACE}probe/diary", (CASES / "04-probe-writes-harvest.json").read_bytes())
    until("all is handled", 20, site.settled)
    until("the harvests", 20, lambda: {"pick-1", "pick-2"} <= site.fates().keys())
    picked = {id: fate for id, fate in site.fates().items() if id.startswith("pick")}
    assert picked == {"pick-1": "pre_harvest_interval", "pick-2": "pre_harvest_interval"}
    assert site.refused() == [
        ("date_early", "zero-time"), ("date_early", "zero-harvest"), ("date_late", "max-time"),
        ("date_late", "wrong-year"), ("wrong_model", "by-a-probe"),
    ]  # fmt: skip
    site.say(
        NOTES, *[json.dumps(json.loads(line) | {"plot": "plot-2"}) for line in lines("12-yield-cap.jsonl")]
    )
    until("all twenty", 30, lambda: sum(id.startswith("full-") for id in site.fates()) == 20)
    full = {id: fate for id, fate in site.fates().items() if id.startswith("full-")}
    assert sorted(full.values()).count("") == 5 and set(full.values()) == {"", "yield_cap"}
    assert (
        sum(row["quantity_kg"] for row in seal.lots(site.data / "trace") if row["leaf"] is not None) == 45_000
    )

    for name, device, stored in (
        ("05-window-of-three.jsonl", "probe-5", 5),
        ("06-abp-restart.uplinks.jsonl", "probe", 8 * 2),  # each with the radio's strength
        ("06c-same-boot.jsonl", "probe-6", 7),
        ("07-clock-rewinds.jsonl", "probe-7", 17),
    ):
        site.say(UPLINK if device == "probe" else f"{PLACE}{device}/telemetry", *lines(name))
        until(name, 20, site.settled)
        assert len(site.values(device)) == stored, name
    first = site.values("probe-7")[0]
    assert first[1] == 30.0, "nothing was written over"
    assert len(site.refused()) == 5
    assert any("probe" in one and "đếm lại" in one for one in doctor(site))
    site.next_reading_is_stored(402)


def doctor(site):
    return [
        one["sentence"]
        for one in json.loads(hoiquan(site.folder, "doctor", "--json", **site.settings).stdout)
    ]


def test_an_id_that_is_anothers_already_is_told(site):
    site.say(NOTES, event("irrigation", "one", NOW - DAY, minutes=3))
    site.say(NOTES, event("irrigation", "one", NOW - DAY, minutes=3))
    site.say(
        NOTES, event("irrigation", "one", NOW - DAY, minutes=4), event("irrigation", "two", NOW, minutes=4)
    )
    until("all is handled", 20, site.settled)
    assert site.refused() == [("id_taken", "one")] and site.books().stored == 3


def test_the_smallest_inputs_that_have_no_answer_yet_are_set_aside(tmp_path):
    """A spool, a diary and memories of earlier versions, each with an entry that nothing can handle: the
    gateway starts, sets these aside and goes on.
    """
    site = Site(tmp_path)
    store, pilot = SqliteStore(site.data / "store.sqlite"), load("dong-thap")
    Sealer(
        site.data / "trace", pilot, Growth(store, pilot), "http://x", "localhost/hoiquan/dong-thap"
    ).close()
    store.close()
    kept = [
        ("zero", event("harvest", "zero", "0001-01-01T00:00:00+07:00", quantity_kg=1), 1),
        ("end", event("harvest", "end", "9999-12-31T23:59:59Z", quantity_kg=1), 1),
        ("gone", event("harvest", "gone", NOW - DAY, quantity_kg=1, crop="no-more"), 1),
        ("garbage", {"event": "harvest"}, 1),
        ("sick", event("irrigation", "sick", "0001-01-01T00:00:00+07:00", minutes=3), 0),
        ("later", {"event": "packing", "id": "later"}, 0),
    ]
    with closing(sqlite3.connect(site.data / "trace" / "trace.sqlite")) as db, db:
        for number, (id, body, harvest) in enumerate(kept):
            db.execute(
                "INSERT INTO event(community, id, plot, time, simulated, harvest, body) "
                "VALUES(?,?,?,?,0,?,?)",
                ("tam-que", id, "plot-1", number - 62_135_596_800_000, harvest, json.dumps(body).encode()),
            )
        db.execute("INSERT INTO later(community, id, time) VALUES('tam-que', 'later', 5)")
    spool = Spool(site.data / "gateway" / "spool.sqlite")
    then = int((NOW - DAY).timestamp() * 1000)
    spool.append([Message(NOTES, (CASES / "02b-zero-time-harvest.json").read_bytes(), then),
                  Message(PROBE, b'{"values":{"soil_moisture":31.5}}', then)])  # fmt: skip
    with closing(sqlite3.connect(site.data / "gateway" / "spool.sqlite")) as db, db:
        db.execute(
            "INSERT INTO seen VALUES('probe', ?)", ('{"boots":[1,2],"times":7}\n["tam-que",{"co2":7}]',)
        )
        db.execute("INSERT INTO segment(messages, arrived, body) VALUES(2, ?, ?)", (then, b"\0\1damaged"))
        db.execute("UPDATE book SET value=value+2 WHERE name='received'")
    spool.close()
    site.start()
    try:
        until("all is handled", 20, site.settled)
        until("the diary too", 20, lambda: {"zero", "end", "gone", "garbage", "later"} <= site.fates().keys())
        fates = site.fates()
        assert fates == {"zero": "bad_date", "end": "bad_date", "gone": "unhandled", "garbage": "unhandled",
                         "later": "unhandled"}  # fmt: skip

        def set_aside():
            with site.spool() as spool:
                return sorted(row.reason for row in spool.quarantined())

        until("they are set aside", 20, lambda: set_aside().count("unhandled") == 3)
        assert set_aside() == ["bad_topic", "bad_topic", "date_early", *["unhandled"] * 3]
        assert site.books().balanced
        site.say(NOTES, event("harvest", "good", NOW - DAY, quantity_kg=7))
        until("the next harvest", 20, lambda: site.fates().get("good") == "")
        site.next_reading_is_stored(403)
        assert any("lỗi của chính phần mềm" in one for one in doctor(site))
        for path in ("/", "/api/v1/lots", "/diary"):
            assert urlopen(f"http://127.0.0.1:{site.port}{path}", timeout=10).status == 200, path
        rows = json.loads(done(hoiquan(site.folder, "trace", "list", "--json", **site.settings)))
        assert len(rows) == 5
        done(hoiquan(site.folder, "trace", "list", **site.settings))
        log = site.gateway.text()
        site.gateway.stop()
        site.gateway = Running(site.folder / "again.log", command("gateway"), **site.settings)
        until("it starts again", 20, lambda: (site.data / "gateway" / "alive").exists() and site.settled())
        assert len(set_aside()) == 6, "each once"
        assert log.count("Traceback") <= 6
    finally:
        site.stop()
