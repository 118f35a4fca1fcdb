"""Production's whole chain: Mosquitto with its password file, the gateway, the InfluxDB engine, the pages."""

import json
import signal
import time
from contextlib import ExitStack
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests.loopback import free_port
from tests.system.running import (
    BUCKET,
    SLOWER,
    Influx,
    Mosquitto,
    Publisher,
    Running,
    command,
    done,
    hoiquan,
    until,
)

OUTAGE = 5.0  # seconds without a store
EVERY = 0.02  # seconds between readings meanwhile
DEVICE = "stranger"


class Road:
    """Every process of the chain, started in the order of the compose file."""

    def __init__(self, folder):
        self.folder = folder
        self.passwords = folder / "passwords"
        self.influx = Influx(folder / "influx")
        self.settings = {
            "HOIQUAN_INFLUX_URL": self.influx.url,
            "HOIQUAN_INFLUX_TOKEN": self.influx.token,
            "HOIQUAN_INFLUX_BUCKET": BUCKET,
            "HOIQUAN_GATEWAY_PASSWORD": "the gateway's, in a test",
            "HOIQUAN_SIMULATOR_SECRET": "the simulator's, in a test",
            "HOIQUAN_MOSQUITTO_PASSWORDS": str(self.passwords),
        }
        self.running = []
        with ExitStack() as undo:
            undo.callback(self.stop)
            self.enroll("first-of-all")  # writes the accounts that the broker needs to start
            self.broker = Mosquitto(folder / "broker", self.passwords)
            self.settings["HOIQUAN_MQTT"] = self.broker.url
            self.http = free_port()
            self.gateway = self.start("gateway")
            self.web = self.start("web", "--http-port", str(self.http))
            self.simulator = self.start("simulate", "--store", "--mqtt", self.broker.url, "--history", "1d")
            undo.pop_all()

    def start(self, *words):
        self.running.append(Running(self.folder / f"{words[0]}.log", command(*words), **self.settings))
        return self.running[-1]

    def stop(self):
        for running in reversed(self.running):
            running.stop()
        if hasattr(self, "broker"):
            self.broker.stop()
        self.influx.stop()

    def enroll(self, device):
        return json.loads(done(hoiquan(self.folder, "device", "enroll", "--community", "tam-que",
                                       "--model", "soil-probe", "--id", device, "--json",
                                       **self.settings)))  # fmt: skip

    def json(self, path):
        try:
            with urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
                return json.load(answer)
        except (HTTPError, URLError, ConnectionError):
            return None

    def readings(self):
        """The stranger's readings as (epoch ms, value), queried with InfluxQL."""
        series = self.influx.query(f"SELECT soil_moisture FROM telemetry WHERE device = '{DEVICE}'")
        return series[0]["values"] if series else []


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    built = Road(tmp_path_factory.mktemp("road"))
    yield built
    built.stop()


@pytest.fixture(scope="module")
def stranger(road):
    """A device enrolled while all runs; the broker reads its accounts again at SIGHUP."""
    until("the gateway's connection", 20, lambda: "connected to" in road.gateway.text())
    given = road.enroll(DEVICE)
    road.broker.reload()
    until("a broker that knows the stranger", 10, lambda: not probe(road, given).refused)
    publisher = Publisher(road.broker.port, DEVICE, given["password"])
    publisher.topic = given["topic"]
    yield publisher
    publisher.close()


def probe(road, given):
    publisher = Publisher(road.broker.port, given["user"], given["password"])
    publisher.close()
    return publisher


def test_only_the_token_opens_the_store(road):
    for token in ("Token wrong", ""):
        asked = Request(f"{road.influx.url}/query?q=SHOW+DATABASES", headers={"Authorization": token})
        with pytest.raises(HTTPError) as error:
            urlopen(asked, timeout=5)
        assert error.value.code == 401


def test_a_wrong_password_is_refused(road, stranger):
    assert Publisher(road.broker.port, DEVICE, "guessed").refused
    assert Publisher(road.broker.port, "gateway", "").refused


def test_a_strangers_reading_reaches_influxql_and_the_open_data(road, stranger):
    stranger.publish(stranger.topic, '{"values":{"soil_moisture":31.5}}')
    until("the reading through InfluxQL", 3, lambda: [v for _, v in road.readings() if v == 31.5])
    (series,) = road.influx.query(f"SELECT * FROM telemetry WHERE device = '{DEVICE}' GROUP BY *")
    tags = {name: value for name, value in series["tags"].items() if value}
    assert tags == {"pilot": "dong-thap", "community": "tam-que", "device": DEVICE, "model": "soil-probe",
                    "simulated": "false"}  # fmt: skip
    shown = until("the open data", 10, lambda: road.json(f"/api/v1/devices/{DEVICE}/latest"))
    assert shown["values"]["soil_moisture"]["value"] == 31.5
    assert shown["simulated"] is False


def test_history_and_indicators_reach_the_store(road):
    def counted():
        rows = (road.json("/api/v1/indicators") or {}).get("rows", [])
        return rows if len(rows) == 3 and max(row["value"] for row in rows) > 0 else None

    until("history", 30, lambda: "messages of history" in road.simulator.text())
    rows = until("indicators over 0", 80, counted)
    assert {row["target"] for row in rows} <= {7.0, 14.0, 0.15, 0.5}
    for statement in (
        "SELECT last(value) FROM kpi WHERE pilot = 'dong-thap' GROUP BY indicator",
        "SELECT count(v) FROM (SELECT last(air_temperature) AS v FROM telemetry GROUP BY device)",
        "SELECT last(received) FROM gateway GROUP BY instance",
        'SELECT last("name") FROM community GROUP BY community',
    ):
        assert road.influx.query(statement), statement


def test_a_store_that_is_away_for_a_while_loses_nothing(road, stranger):
    before = len(road.readings())
    road.influx.stop_engine()
    values, end = [], time.monotonic() + OUTAGE
    while time.monotonic() < end:
        values.append(40 + len(values) / 1000)
        stranger.publish(stranger.topic, f'{{"values":{{"soil_moisture":{values[-1]}}}}}')
        time.sleep(EVERY)  # the pace of the readings while the store is away
    stranger.all_acknowledged()
    assert not road.gateway.ended()
    road.influx.start_engine()
    until("all readings", 40, lambda: len(road.readings()) >= before + len(values))
    assert sorted(value for _, value in road.readings())[-len(values) :] == values
    assert len(road.readings()) == before + len(values)
    assert "Traceback" not in road.gateway.text(), road.gateway.text()
    assert road.gateway.text().count("InfluxDB") >= 1  # it reported the store's absence
    assert road.json(f"/api/v1/devices/{DEVICE}/latest")["values"]["soil_moisture"]["value"] == values[-1]


def test_every_process_ends_at_sigterm(road):
    for running in (road.simulator, road.web, road.gateway):
        assert not running.ended(), running.text()
        began = time.monotonic()
        assert running.stop() in (0, -signal.SIGTERM), running.text()  # uvicorn passes the signal on
        assert time.monotonic() - began < 5 * SLOWER
        assert "Traceback" not in running.text(), running.text()
