"""A gateway that runs but is not well: `/healthz` and the overview say so, and what to do."""

import os
import time
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from dashboards.pages.check import Verdict
from dashboards.site import opened, site
from gateway import health, service
from gateway.instance import STALE, trouble
from gateway.stores.sqlite import SqliteStore
from tests.gateway.running import Gateway, gateway, settings
from tests.servers import mosquitto, until


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Settings of a gateway that checks often, so that a test need not wait."""
    monkeypatch.setattr(service, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(health, "BEAT_EVERY", 0.05)
    with mosquitto("allow_anonymous true") as broker:
        yield settings(broker, tmp_path)


@contextmanager
def pages(given):
    store = SqliteStore(given.data / "store.sqlite")
    with TestClient(site(given, opened(given, store), lambda *_: Verdict(True, []), ())) as client:
        yield client
    store.close()


@contextmanager
def on_a_full_disk(given):
    """A gateway that started half a minute ago and takes no message."""
    made = Gateway(given.model_copy(update={"spool_free_mb": 10**12}))
    try:
        until(lambda: made.files.trouble.exists() and "đĩa" in trouble(made.files, "vi"), "it says so")
        yield made
    finally:
        made.stop()


def aged(path):
    ago = time.time() - STALE - 1
    os.utime(path, (ago, ago))


def test_a_full_disk_is_said_with_what_to_do(given):
    with gateway(given):
        assert healthz(given) == (200, "ok\n")
    with on_a_full_disk(given) as full:
        assert healthz(given) == (200, "ok\n"), "it has just begun"
        aged(full.files.lock)
        code, said = healthz(given)
        vi, en = said.splitlines()
        assert code == 503 and vi.startswith("Cổng dữ liệu gateway-1 đang gặp trở ngại")
        assert "hãy giải phóng chỗ trên đĩa đó" in vi and "HOIQUAN_SPOOL_FREE_MB" in vi
        assert en.startswith("Gateway gateway-1 is in trouble") and "make room on that disk" in en
        assert str(given.data) not in said and str(given.data) in trouble(full.files, "vi")
        with pages(given) as client:
            for path in ("/", "/?q=tam", "/?live=1"):
                page = client.get(path).text
                assert "giải phóng chỗ" in page and str(given.data) not in page, path
            client.get("/language/en?to=/")
            assert "make room on that disk" in client.get("/").text
    assert healthz(given) == (200, "ok\n"), "one that does not run is missed after some minutes"


def healthz(given):
    with pages(given) as client:
        answer = client.get("/healthz")
    return answer.status_code, answer.text


def test_where_the_disk_takes_no_word_either_its_silence_says_so(given):
    """The file that names the trouble needs room on the disk; `alive` grows old without any."""
    with on_a_full_disk(given) as full:
        full.files.trouble.rename(full.files.trouble.with_name("moved"))
        full.files.trouble.mkdir()
        try:
            aged(full.files.lock)
            code, said = healthz(given)
        finally:
            full.files.trouble.rmdir()
        vi, en = said.splitlines()
        assert code == 503 and "trang này không biết vì sao; người vận hành hãy chạy hoiquan doctor" in vi
        assert "this page does not know why; whoever runs it: hoiquan doctor gives the reason" in en
