"""docker-compose.grow.yml: three gateways on a shared subscription, the registry in PostgreSQL."""

import json

import pytest

from tests.compose.grown import GATEWAYS, Grown
from tests.compose.village import rows, until

pytestmark = pytest.mark.compose


def test_three_gateways_are_well_and_share_the_messages(grown: Grown) -> None:
    assert grown.state() == {
        **dict.fromkeys(("init", "tokens"), 0),
        **dict.fromkeys((*GATEWAYS, "postgres", "mosquitto", "influxdb", "web", "sim", "grafana"), "healthy"),
    }
    until(lambda: len(found := grown.books()) == 3 and all(one["received"] for one in found.values()), 90)


def test_a_device_of_the_registry_in_postgresql_is_known_to_all(grown: Grown) -> None:
    shown = grown.enroll("shared-1")
    sensor = grown.sensor(shown["user"], shown["password"])
    for number in range(12):
        assert (
            sensor.publish(shown["topic"], json.dumps({"values": {"soil_moisture": 20 + number}}))
            == "Success"
        )
    sensor.close()
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'shared-1'"
    until(lambda: sorted(row[1] for row in rows(grown.influxql(query))) == [*range(20, 32)], 30)


def test_killed_one_by_one_they_lose_nothing_and_the_books_balance(grown: Grown) -> None:
    shown = grown.enroll("shared-2")
    sensor = grown.sensor(shown["user"], shown["password"])
    for number, gateway in enumerate(GATEWAYS):
        grown.compose("kill", gateway)
        for part in range(5):
            reading = {
                "boot": "a",
                "seq": number * 5 + part,
                "values": {"soil_moisture": 20 + number * 5 + part},
            }
            assert sensor.publish(shown["topic"], json.dumps(reading)) == "Success"
        grown.compose("up", "-d", "--no-deps", gateway)
    grown.compose("up", "-d", "--no-deps", "--wait", *GATEWAYS, seconds=90)
    grown.compose("restart", "mosquitto")
    sensor.close()
    sensor = grown.sensor(shown["user"], shown["password"])
    grown.compose("kill", "postgres")  # readings of known devices do not wait for the registry
    # Mosquitto 2.0 loses its shared subscriptions when it restarts: until the first gateway is back, a device
    # of MQTT 5 is told "No matching subscribers", and sends again.
    last = '{"boot":"a","seq":15,"values":{"soil_moisture":35}}'
    until(lambda: sensor.publish(shown["topic"], last) == "Success", 30)
    sensor.close()
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'shared-2'"
    until(lambda: sorted(row[1] for row in rows(grown.influxql(query))) == [*range(20, 36)], 60)
    grown.compose("up", "-d", "--no-deps", "--wait", "postgres", seconds=90)
    until(lambda: grown.balanced("gateway-1", "gateway-2", "gateway-3"), 60)
