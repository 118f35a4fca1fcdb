"""`/healthz` names what is away: the store, or the gateway, without which nothing new arrives; `/metrics` has
each gateway's figures.
"""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from dashboards.figures import Figures
from dashboards.pages import state
from devices.pilots import scenario
from devices.pilots.pilot import load
from gateway.indicators.count import Evaluation
from gateway.stores.influx import InfluxStore
from gateway.stores.points import Point, tags
from gateway.stores.store import RetryLater

NOW = 1_795_230_000_000
MINUTE = 60_000


def pages(store, data=Path("none"), **more):
    figures = Figures(
        store, load("dong-thap"), lambda _: [], lambda now: Evaluation(now, (), {}), now=lambda: NOW, **more
    )
    made = FastAPI()
    made.include_router(state.router(figures, data))
    return TestClient(made)


def asked(store, monkeypatch, minutes=10, **more):
    """(status, text) of `/healthz` of pages that have run for so many minutes."""
    client = pages(store, **more)
    begun = time.monotonic()
    monkeypatch.setattr(state.time, "monotonic", lambda: begun + minutes * 60)
    answer = client.get("/healthz")
    return answer.status_code, answer.text


def books(store, ago):
    store.write([Point("gateway", tags(instance="gateway-1"), {"received": 5}, NOW - ago * MINUTE)])


def test_a_gateway_that_writes_its_books_is_there(store, monkeypatch):
    books(store, 5)
    assert asked(store, monkeypatch) == (200, "ok\n")


def test_a_gateway_that_was_seen_once_is_missed_with_its_time(store, monkeypatch):
    books(store, 7)
    code, said = asked(store, monkeypatch)
    vi, en = said.splitlines()
    assert code == 503 and vi.startswith("Không thấy cổng dữ liệu nào từ 21/11/2026 09:53.")
    assert en.startswith("No gateway has been seen since 21 Nov 2026 09:53.")


def test_where_none_was_seen_at_all_it_is_said_once_there_was_time_for_one(store, monkeypatch):
    assert asked(store, monkeypatch, minutes=1) == (200, "ok\n")
    code, said = asked(store, monkeypatch)
    assert code == 503 and all("hoiquan doctor" in line for line in said.splitlines())


def test_nobody_looks_for_a_gateway_in_a_rehearsals_folder(store, monkeypatch):
    assert asked(store, monkeypatch, played=scenario.load("decade")) == (200, "ok\n")


def test_a_store_that_is_away_is_said_without_its_own_words(monkeypatch):
    """A real client of a port where nobody listens."""
    with socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))  # never listens
        store = InfluxStore(f"http://127.0.0.1:{shut.getsockname()[1]}", "t", "o", "b")
        with pytest.raises(RetryLater, match="refused"):
            store.latest("gateway", {}, 0)
        code, said = asked(store, monkeypatch)
    vi, en = said.splitlines()
    assert code == 503 and vi == (
        "Các trang không đọc được số liệu: InfluxDB không trả lời; người vận hành hãy chạy hoiquan doctor"
    )
    assert en.startswith("The pages cannot read the readings: InfluxDB does not answer;")


FIELDS = {
    "received": 9, "stored": 5, "duplicate": 1, "quarantined": 2, "spooled": 1, "forgotten": 1, "arrived": 3,
    "kept": 2, "lag_ms": 2500, "spool_bytes": 4096, "missing": 7, "broker_dropped": 11, "refused_logins": 2,
}  # fmt: skip


def three(store):
    """Three gateways of one broker; the third's books do not balance, and it alone counts missing numbers."""
    for number in (1, 2, 3):
        fields = FIELDS | ({"spooled": 2} if number == 3 else {})
        if number != 3:
            del fields["missing"]
        store.write([Point("gateway", tags(instance=f"gateway-{number}"), fields, NOW - number * MINUTE)])


def samples(text):
    return {
        (sample.name, sample.labels.get("instance")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_gateway_has_a_sample_and_nothing_is_added_up(store):
    three(store)
    read = samples(pages(store).get("/metrics").text)
    for number in (1, 2, 3):
        mine = {
            name.removeprefix("hoiquan_gateway_"): value
            for (name, by), value in read.items()
            if by == f"gateway-{number}"
        }
        assert mine.pop("missing_messages", None) == (7 if number == 3 else None)
        assert mine == {
            "received_messages_total": 9, "stored_messages_total": 5, "duplicate_messages_total": 1,
            "forgotten_messages_total": 1, "quarantined_messages": 2,
            "spooled_messages": 2 if number == 3 else 1, "spool_bytes": 4096, "lag_seconds": 2.5,
            "broker_dropped_messages_total": 11, "refused_logins_total": 2,
            "books_balanced": float(number != 3),
            "books_timestamp_seconds": (NOW - number * MINUTE) / 1000,
        }  # fmt: skip


def test_each_metric_says_what_it_is_also_without_a_gateway(store):
    families = list(text_string_to_metric_families(pages(store).get("/metrics").text))
    assert len(families) == 13
    for family in families:
        assert family.documentation and family.type in ("counter", "gauge") and not family.samples


def test_openmetrics_for_whoever_asks_for_it(store):
    three(store)
    asked = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = pages(store).get("/metrics", headers=asked)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.headers["vary"] == "Accept"
    assert list(openmetrics(answer.text)) and answer.text.endswith("# EOF\n")


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian package prometheus) is not installed"
)
def test_promtool_finds_nothing_to_say(store):
    three(store)
    text = pages(store).get("/metrics").text
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
