"""Nodes away from the broker: at full speed, one outage after another, and at the end of a run."""

import threading

import pytest

from devices.clock import DAY_MS
from sim.publish import Links, loop
from sim.session import Plan, Session
from tests import servers
from tests.loopback import free_port
from tests.sim.publish.test_links import PILOT, PROBE, crowd, links, listening, served, states


@pytest.fixture(scope="module")
def mosquitto():
    with servers.mosquitto("allow_anonymous true", "max_queued_messages 0") as broker:
        yield broker


@pytest.mark.parametrize("paced", [True, False])
def test_where_time_goes_by_the_broker_its_outage_fills_no_memory(paced):
    port = free_port()
    mine = Links(f"mqtt://127.0.0.1:{port}", "secret", [PROBE], scenario=False, paced=paced)
    for number in range(loop.BACKLOG + 1):
        assert not mine.full
        mine.publish(PROBE, "telemetry", b"%d" % number)
    assert mine.full is paced
    mine.cut([PROBE])  # the storm ends once time goes on
    mine.publish(PROBE, "telemetry", b"in a storm")
    assert not mine.full
    mine.close(0)


def test_a_run_as_fast_as_possible_loses_nothing_to_a_broker_that_restarts(tmp_path):
    start = 1_790_000_000_000
    part = {"communities": PILOT.communities[:1], "villages": (), "records": {}, "alarms": None, "advice": {}}
    small = type(PILOT).model_validate(PILOT.model_dump() | part)
    with servers.mosquitto("allow_anonymous true", "max_queued_messages 0") as broker:
        broker.stop()
        plan = Plan(
            seed=1, shard=(1, 1), history_ms=0, start=start, until=start + 20 * DAY_MS, speed=0,
            mqtt=broker.url, out=None, store=False,
        )  # fmt: skip
        session = Session(plan, small, tmp_path, "secret", None)
        timer = threading.Timer(1.5, broker.start)
        timer.start()
        session.run(threading.Event())
        timer.join()
    assert session._links is not None and not session._links.waiting
    assert not any(link.lost for link in session._links._links.values())


def test_each_outage_of_the_broker_is_told_once(caplog):
    devices = crowd(5)
    with servers.mosquitto("allow_anonymous true") as broker:
        mine = links(broker, devices)
        nodes = [mine.open(device) for device in devices]
        for outage in (1, 2):
            served(mine, lambda: all(node.connected for node in nodes), "all are there")
            broker.stop()
            served(mine, lambda: min(node.failures for node in nodes) > 1, "nobody comes in")
            assert caplog.text.count("no way to the broker") == outage
            broker.start()
        served(mine, lambda: all(node.connected for node in nodes), "all are there again")
        assert mine.close(servers.PATIENCE)


def test_what_a_mast_holds_up_at_the_end_of_a_run_comes_after_all(mosquitto):
    nodes = crowd(3, "the-end")
    with listening(mosquitto, "hoiquan/v1/dong-thap/the-end/#") as (heard, _):
        mine = links(mosquitto, nodes)
        opened = [mine.open(device) for device in nodes]
        served(mine, lambda: all(one.connected for one in opened), "all are there")
        mine.cut(nodes)
        for device in nodes:
            mine.publish(device, "telemetry", b"kept")
        assert mine.close(servers.PATIENCE)
        servers.until(lambda: [p for _, p, _ in heard].count(b"kept") == 3, "what was kept")
        servers.until(lambda: list(states(heard).values()) == ["offline"] * 3, "goodbye")


def test_whoever_is_coming_at_the_end_of_a_run_says_goodbye_too(mosquitto):
    nodes = crowd(20, "coming")
    with listening(mosquitto, "hoiquan/v1/dong-thap/coming/+/status") as (heard, _):
        mine = links(mosquitto, nodes)
        opened = [mine.open(device) for device in nodes]
        mine.serve(0)
        assert all(one.opening for one in opened)
        assert mine.close(servers.PATIENCE)
        servers.until(lambda: list(states(heard).values()) == ["offline"] * 20, "goodbye")


def test_what_nobody_has_taken_at_the_end_of_a_run_is_told(caplog):
    mine = Links(f"mqtt://127.0.0.1:{free_port()}", "secret", [PROBE], scenario=False)
    mine.publish(PROBE, "telemetry", b"kept")
    assert not mine.close(0.2)
    assert "2 messages that the broker has not acknowledged" in caplog.text  # with its goodbye
