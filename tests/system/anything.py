"""Any valid diary entry and message, taken by a village's decoder, checks, store, sealer and pages: none is
`unhandled`, the books balance, and a reading and a harvest afterwards are stored and sealed.

Ten thousand in all, half in each of two files, which can run in parallel.
"""

import json
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import count

from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from devices.access.registry import Registry
from devices.contract.diary import decode_diary, encode_diary
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.files import to_read
from devices.pilots.pilot import load
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.spool import Spool
from gateway.lots.growth import Growth
from gateway.service import Diaries
from gateway.stores.sqlite import SqliteStore
from tests.gateway.ports import FakeReceiver, drain
from traceability.digital_link import LotKey
from traceability.pages import web
from traceability.records import story
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealer
from traceability.secretary import form

ROUNDS, EACH = 50, 100  # of each file
PILOT = load("dong-thap")
NOW = datetime.now(UTC)
NOTEBOOK = Device("dong-thap", "tam-que", "notebook", "diary", simulated=False)
PROBE = Device("dong-thap", "tam-que", "probe", "soil-probe", simulated=False)
PLACE = "hoiquan/v1/dong-thap/tam-que/"


def latest():
    """The number of the newest entry."""
    return int(repr(numbers)[6:-1])


moments = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(timedelta(days=-1500), timedelta(days=3)).map(lambda ago: NOW + ago),
    *[st.timedeltas(timedelta(days=-90), timedelta(days=1)).map(lambda ago: NOW + ago)] * 4,
)
offsets = st.sampled_from(["Z", "+07:00", "-14:00", "+14:00", "+00:01"])
times = st.tuples(moments, offsets).map(
    lambda pair: pair[0].replace(tzinfo=None).isoformat(timespec="seconds") + pair[1]
)
numbers = count()  # the entries of all rounds
# an entry's own id is new, or by mistake an earlier one; the ids that it refers to are recent ones
own = st.integers(0, 30).map(lambda back: f"e{max(0, next(numbers) - (back if back > 25 else 0))}")
ids = st.tuples(st.integers(1, 40), st.sampled_from(["", "", "-1"])).map(
    lambda pair: f"e{max(0, latest() - pair[0])}{pair[1]}"
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
kilograms = st.floats(0, 1e7, exclude_min=True, allow_nan=False) | st.floats(0.001, 5)
SPECIFIC = {
    "planting": {"seed": texts, "area_ha": st.floats(0, 10_000, exclude_min=True)},
    "input": {
        "product": texts, "purpose": st.sampled_from(["fertiliser", "pesticide", "feed", "other"]),
        "dose": texts, "pre_harvest_days": st.sampled_from([0, 0, 0, 0, 1, 3, 365]),
    },
    "irrigation": {"minutes": st.floats(0, 10_000, exclude_min=True)},
    "pest_observation": {"pest": texts, "level": st.sampled_from(["none", "low", "medium", "high"])},
    "harvest": {"quantity_kg": kilograms, "area_code": st.sampled_from([None, "GD-DT-0001", "X-9"])},
    "packing": {
        "quantity_kg": kilograms, "packages": st.integers(1, 1_000_000), "harvest": st.none() | ids,
    },
    "shipping": {"quantity_kg": kilograms, "buyer": texts, "harvest": st.none() | ids},
    "split": {"harvest": ids, "parts": st.lists(kilograms, min_size=2, max_size=4)},
    "merge": {"harvests": st.lists(ids, min_size=2, max_size=4)},
    "correction": {
        "of": ids, "reason": texts,
        "changes": st.dictionaries(
            st.sampled_from(["quantity_kg", "ts", "pre_harvest_days", "seed", "older", "dose", "buyer"]),
            st.one_of(texts, times, st.floats(-1e300, 1e300), st.integers(0, 400).map(float)),
            min_size=1, max_size=3,
        ),
    },
    "revocation": {"harvest": ids, "reason": texts},
}  # fmt: skip


# built once: building a strategy takes longer than drawing from it
kinds = st.sampled_from(sorted(SPECIFIC) + ["harvest"] * 6)
plots = st.sampled_from([*(f"plot-{number}" for number in range(1, 9)), "none"])
crops = st.sampled_from(["mango", "mango", "mango", "rice"])
measured = st.dictionaries(
    st.sampled_from(sorted(SIGNALS)), st.none() | st.floats(-(2.0**53), 2.0**53), min_size=1, max_size=3
)
own_times = times | st.integers(-(2**53), 2**53)
boots, counters = st.sampled_from(["a", "b"]), st.integers(0, 70_000) | st.just(2**63 - 1)
whether, shapes = st.booleans(), st.integers(0, 2)


@st.composite
def events(draw):
    kind = draw(kinds)
    whole = {
        "event": kind, "id": draw(own), "ts": draw(times), "plot": draw(plots), "crop": draw(crops),
    }  # fmt: skip
    whole |= {name: draw(values) for name, values in SPECIFIC[kind].items()}
    if kind in form.entries.WORK and draw(whether):
        whole["older"] = True
    payload = json.dumps({name: value for name, value in whole.items() if value is not None}).encode()
    with suppress(PayloadError):
        return f"{PLACE}notebook/diary", encode_diary(decode_diary(payload))
    return f"{PLACE}notebook/diary", payload


@st.composite
def messages(draw):
    whole = {"values": draw(measured)}
    if draw(whether):
        whole["ts"] = draw(own_times)
    if draw(whether):
        whole |= {"boot": draw(boots), "seq": draw(counters)}
    payload = (whole, [whole], [whole, whole])[draw(shapes)]
    return f"{PLACE}probe/telemetry", json.dumps(payload).encode()


class Village:
    """Everything in a gateway but the broker. One village serves all rounds, so that odd data stays in it."""

    def __init__(self, folder):
        self.folder = folder
        self.spool, self.store = Spool(folder / "spool.sqlite"), SqliteStore(folder / "store.sqlite")
        self.sealer = Sealer(
            folder / "trace", PILOT, Growth(self.store, PILOT), "http://testserver", "example.org/log"
        )
        self.diaries = Diaries(self.sealer, self.store, PILOT, lambda: None, self.spool.set_aside)
        devices = {one.device: one for one in (NOTEBOOK, PROBE)}
        self.pipeline = Pipeline(
            FakeReceiver(self.spool), self.spool, Decoder(PILOT, devices.get), self.store, self.diaries.keep,
            Checker(PILOT),
        )  # fmt: skip
        registry = Registry(folder / "registry.sqlite", PILOT)
        self.password = registry.enroll("tam-que", "diary", "notebook")
        pages = FastAPI()
        pages.include_router(web.router(folder / "trace", PILOT, "http://testserver"))
        pages.include_router(form.router(folder / "trace", PILOT, registry, lambda *_: None, secure=False))
        self.client = TestClient(pages)
        self.client.post("/diary/sign-in", data={"device": "notebook", "password": self.password})

    def close(self):
        self.client.close()
        self.sealer.close()
        self.store.close()
        self.spool.close()

    def take(self, batch):
        arrival = int(NOW.timestamp() * 1000)
        self.spool.append([Message(topic, payload, arrival) for topic, payload in batch])
        drain(self.pipeline, self.spool)
        while self.diaries.seal_some():
            pass
        books = self.spool.books()
        assert books.balanced and books.spooled == 0
        return books


BATCHES = st.lists(events() | messages(), min_size=EACH, max_size=EACH)
rounds = settings(max_examples=ROUNDS, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def assert_taken(village, batch):
    """Whatever the batch contains, each message is settled, none met a defect, and the pages answer."""
    before = village.spool.books().received
    books = village.take(batch)
    assert books.received == before + EACH
    odd = [row for row in village.spool.quarantined(EACH) if row.reason == "unhandled"]
    assert not odd, [(row.field, row.payload) for row in odd]
    for lang in ("vi", "en"):
        page = village.client.get("/diary", headers={"Accept-Language": lang})
        assert page.status_code == 200
    for row in seal.lots(village.folder / "trace", 10):
        if row["leaf"] is not None:
            answer = village.client.get(f"/01/{row['gtin']}/10/{row['lot']}")
            assert answer.status_code in (200, 410)


def assert_next_is_sealed(village):
    """A good reading and a good harvest after all rounds are stored and sealed."""
    harvest = {"event": "harvest", "id": "the-next", "ts": NOW.isoformat(), "plot": "plot-8", "crop": "mango",
               "quantity_kg": 0.001}  # fmt: skip
    village.take([(f"{PLACE}probe/telemetry", b'{"values":{"co2":417.5}}'),
                  (f"{PLACE}notebook/diary", json.dumps(harvest).encode())])  # fmt: skip
    rows = village.store.series("telemetry", {"device": "probe"}, 0, 2**60, 50_000)
    assert any(row.fields.get("co2") == 417.5 for row in rows)
    with closing(to_read(village.folder / "trace" / "trace.sqlite")) as db:
        (refused,) = db.execute("SELECT refused FROM lot WHERE harvest='the-next'").fetchone()
    assert refused in ("", "yield_cap", "pre_harvest_interval")
    shelf = Shelf(village.folder / "trace")
    for row in seal.lots(village.folder / "trace", 1_000):
        if row["leaf"] is not None:
            key = LotKey(str(row["gtin"]), str(row["lot"]))
            data = seal.read(village.folder / "trace", key)
            assert shelf.check(data)[1] == ""
            later = list(shelf.addenda(key))
            assert story.sentences(json.loads(data), later, "vi")
