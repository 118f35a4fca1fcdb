"""The figures of a whole gateway at a real broker, as Prometheus reads them."""

import subprocess
from contextlib import closing
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.ingest.spool import Spool
from tests.gateway.running import PLACE, Gateway, device, enrolled, gateway, settings
from tests.loopback import free_port
from tests.programs import program
from tests.servers import mosquitto, until

PREFIX = "hoiquan_gateway_"


@pytest.fixture(scope="module")
def broker():
    with mosquitto("allow_anonymous true", "sys_interval 1") as server:
        yield server


def scrape(given):
    """Family → (type, help, {labels: value})."""
    with urlopen(f"http://127.0.0.1:{given.metrics_port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        family.name.removeprefix(PREFIX): (
            family.type,
            family.documentation,
            {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples},
        )
        for family in text_string_to_metric_families(text)
    }


def value(given, name):
    return scrape(given)[name][2][()]


def outcomes(given):
    """(community, outcome) → number of messages."""
    counted = scrape(given)["community_outcomes"][2]
    return {tuple(label[1] for label in labels): count for labels, count in counted.items()}


def test_the_metrics_are_those_of_the_books(broker, tmp_path):
    given = settings(broker, tmp_path, metrics_port=free_port())
    enrolled(given)
    good = [{"boot": "b", "seq": n, "values": {"soil_moisture": 31.5}} for n in (1, 2, 4, 2)]
    with gateway(given) as running, device(broker) as publish:
        for message in good:
            publish(f"{PLACE}/telemetry", message)
        for payload in (b"not json", b"{}"):
            publish(f"{PLACE}/telemetry", payload)
        publish("hoiquan/v1/dong-thap/tam-que/a-stranger/telemetry", good[0])
        until(lambda: sum(outcomes(given).values()) == 7, "done")  # they are counted after the books
        until(lambda: "broker_dropped_messages" in scrape(given), "the broker said how many it dropped")
        found, told = scrape(given), outcomes(given)
        with closing(Spool.to_read(running.files.spool)) as spool:
            books = spool.books()
    assert (books.received, books.stored, books.duplicate, books.quarantined) == (7, 3, 1, 3)
    for name in ("received", "stored", "duplicate", "forgotten"):
        assert found[f"{name}_messages"][0] == "counter"
        assert found[f"{name}_messages"][2][()] == getattr(books, name)
    for name in ("quarantined", "spooled"):
        assert found[f"{name}_messages"][0] == "gauge"
        assert found[f"{name}_messages"][2][()] == getattr(books, name)
    single = {name: values[()] for name, (_, _, values) in found.items() if () in values}
    assert single["books_balanced"] == single["connected"] == 1
    assert single["trouble"] == single["oldest_unsent_seconds"] == single["broker_dropped_messages"] == 0
    assert single["missing_messages"] == 1
    assert 0 < single["spool_bytes"] < single["spool_limit_bytes"] == 4096 * 2**20
    assert 0 < single["heartbeat_seconds"] <= 60
    assert 0 < single["heartbeat_age_seconds"] <= 60
    assert told == {
        ("tam-que", "stored"): 3, ("tam-que", "duplicate"): 1, ("tam-que", "quarantined"): 2,
        ("", "quarantined"): 1,
    }  # fmt: skip


def test_every_metric_has_its_help_its_type_and_its_unit(broker, tmp_path):
    given = settings(broker, tmp_path, metrics_port=free_port())
    with gateway(given):
        with urlopen(f"http://127.0.0.1:{given.metrics_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        families = list(text_string_to_metric_families(text))
    assert len(families) >= 15
    for family in families:
        assert family.name.startswith(PREFIX), "no metrics but ours"
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge")
        unit = family.name.rsplit("_", 1)[1]
        assert unit in (
            "messages",
            "bytes",
            "seconds",
            "outcomes",
            "connected",
            "balanced",
            "trouble",
            "faults",
        )
        for sample in family.samples:
            assert sample.name == family.name + ("_total" if family.type == "counter" else "")


def test_promtool_2_42_has_nothing_to_say(broker, tmp_path):
    given = settings(broker, tmp_path, metrics_port=free_port())
    enrolled(given)
    with gateway(given), device(broker) as publish:
        publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 31.5}})
        until(lambda: "broker_dropped_messages" in scrape(given), "the broker said how many it dropped")
        with urlopen(f"http://127.0.0.1:{given.metrics_port}/metrics", timeout=10) as answer:
            text = answer.read()
    found = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False, timeout=60
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"")


def test_trouble_shows(broker, tmp_path):
    given = settings(broker, tmp_path, metrics_port=free_port())
    with gateway(given):
        until(lambda: value(given, "trouble") == 0, "all is well")
        broker.stop()
        try:
            until(lambda: value(given, "connected") == 0 and value(given, "trouble") == 1, "no broker")
        finally:
            broker.start()
        until(lambda: value(given, "trouble") == 0, "all is well again")


def test_one_of_a_group_cannot_tell_what_is_missing(broker, tmp_path):
    given = settings(broker, tmp_path, metrics_port=free_port(), group="pilot")
    with gateway(given):
        assert "missing_messages" not in scrape(given)


def test_there_are_none_unless_asked_for(broker, tmp_path):
    given = settings(broker, tmp_path)
    assert given.metrics_port == 0
    with gateway(given), pytest.raises(URLError):
        scrape(given)


def test_a_port_that_is_taken_ends_the_gateway_with_its_reason(broker, tmp_path):
    given = settings(broker, tmp_path, metrics_port=broker.port, metrics_bind="127.0.0.1")
    refused = Gateway(given)
    until(refused.ended, "it does not start")
    assert isinstance(refused.error, OSError)
