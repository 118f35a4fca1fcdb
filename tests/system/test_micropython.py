"""The MicroPython example with real servers: in MicroPython itself (its unix port) and on CPython.

tests/system/board has stand-ins for the parts that only a board has.
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from devices.access.authority import CA, prepare
from devices.access.mosquitto import write_passwords
from devices.access.registry import Registry
from devices.settings import Settings
from gateway.stores.sqlite import SqliteStore
from tests.gateway.running import gateway
from tests.loopback import free_port
from tests.programs import program
from tests.servers import mosquitto, until
from tests.system.misbehaving import Broker
from tests.system.running import done, hoiquan

ROOT = Path(__file__).parents[2]
BOARD = Path(__file__).parent / "board"
EXAMPLE = ROOT / "devices" / "examples" / "micropython" / "main.py"
SILENT = (  # the node gives these up after its PATIENCE
    "sends no CONNACK", "sends no PUBACK", "sends half a PUBACK", "sends but PINGRESP",
    "acknowledges another",
)  # fmt: skip
MISDEEDS = (
    "closes at once", "closes before CONNACK", "cuts CONNACK", "refuses", "answers something else",
    "closes at PUBLISH", *SILENT,
)  # fmt: skip


START = """
import sys
sys.path.append(".")
import node

class Fast:
    now = 0
    def time(self):
        return self.now
    def sleep(self, seconds):
        self.now += seconds
"""


def place(folder, port, password="x", *, tls=False):
    """Write the node's files."""
    shutil.copy(EXAMPLE, folder / "node.py")
    ticket = {
        "host": "localhost" if tls else "127.0.0.1", "port": port, "tls": tls,
        "user": "my-esp32", "password": password,
        "topic": "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry",
    }  # fmt: skip
    (folder / "ticket.json").write_text(json.dumps(ticket), "utf-8")
    (folder / "wifi.json").write_text('{"ssid":"village","password":"of wifi"}', "utf-8")


@pytest.fixture(params=["micropython", "cpython"])
def run(request, tmp_path):
    """Runs some lines, for which `node` is the example, to their end; returns their output."""
    name = request.param
    interpreter = sys.executable if name == "cpython" else program(name)
    given = {"MICROPYPATH": f"{BOARD}:.frozen"} if name == "micropython" else {"PYTHONPATH": str(BOARD)}

    def call(lines):
        ran = subprocess.run(
            [interpreter, "-c", f"{START}\n{lines}"],
            cwd=tmp_path, env=os.environ | given, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    return call


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_a_broker_that_misbehaves_costs_no_reading(tmp_path, run, misdeed):
    with Broker(misdeed, misdeed) as broker:
        place(tmp_path, broker.port)
        before = time.time()
        # a broker that answers has time enough, however busy the machine is
        said = run(f"node.PATIENCE = {1 if misdeed in SILENT else 20}\nnode.main(4, 0.1)")
        assert time.time() - before < 30
        assert said.count("not sent:") == 2, said
        assert broker.connections == 4
        assert [one["seq"] for one in broker.taken] == [0, 1, 2, 3]
        assert len({one["boot"] for one in broker.taken}) == 1
        times = [one["ts"] / 1000 for one in broker.taken]
        assert times == sorted(times)
        assert before - 1 <= times[0] <= times[-1] <= time.time(), "when it was measured"


def test_what_waits_is_bounded_and_the_oldest_goes_first(tmp_path, run):
    with Broker(*["refuses"] * 5) as broker:
        place(tmp_path, broker.port)
        run("node.KEPT = 3\nnode.main(7, 0)")
        assert [one["seq"] for one in broker.taken] == [3, 4, 5, 6]


AWAY = """
import network
network.away = True
node.main(1, 0)
network.away = False
node.main(1, 0)
"""


def test_a_node_without_wifi_goes_on(tmp_path, run):
    with Broker() as broker:
        place(tmp_path, broker.port)
        assert "Wi-Fi: Wifi Internal Error" in run(f"node.time = Fast()\n{AWAY}")
        assert [one["values"].get("rssi") for one in broker.taken] == [None, -67]


def test_a_node_goes_on_where_nobody_listens(tmp_path, run):
    with Broker() as broker:
        place(tmp_path, broker.port)
    assert run("node.main(3, 0)").count("not sent:") == 3


NO_TIME = """
def settime():
    raise OSError(110)
node.ntptime.settime = settime
"""


def test_a_node_without_the_time_sends_each_reading_once_and_as_new(tmp_path, run):
    with Broker("refuses", "sends no PUBACK") as broker:
        place(tmp_path, broker.port)
        said = run(f"{NO_TIME}\nnode.PATIENCE = 1\nnode.main(4, 0)")
        assert said.count("no time:") == 4
        assert [one["seq"] for one in broker.taken] == [2, 3], "older ones have no time to be stored at"
        assert not [one for one in broker.taken if "ts" in one]


LATE = """
node.time, node.EPOCH = Fast(), 946684800
tries = []
def settime():
    tries.append(0)
    if len(tries) < 3:
        raise OSError(110)
    node.time.now += 800000000
node.ntptime.settime = settime
node.main(3, 600)
"""


def test_what_was_measured_before_the_time_was_known_gets_its_time(tmp_path, run):
    """An ESP32 has this case, since its clock starts from 2000 after a power cut."""
    with Broker("refuses", "refuses") as broker:
        place(tmp_path, broker.port)
        run(LATE)
        third = (946_684_800 + 800_000_000 + 1200) * 1000
        assert [one["ts"] for one in broker.taken] == [third - 1_200_000, third - 600_000, third]


@pytest.fixture
def road(tmp_path):
    """Mosquitto with production's rules, plain and with a certificate of our CA, and a gateway behind it.
    Yields a function that writes the node's files for one of the two ports and returns the store.
    """
    given = Settings(data=tmp_path / "data", gateway_password=SecretStr("x"), spool_free_mb=0)
    registry = Registry(given.registry_url, given.loaded_pilot)
    password = registry.enroll("tam-que", "soil-probe", "my-esp32")
    write_passwords(tmp_path / "passwords", registry, "x", "")
    prepare(given.data / "ca", tmp_path, ["localhost"])
    tls_port = free_port()
    with mosquitto(
        "use_username_as_clientid true", "allow_anonymous false", f"password_file {tmp_path}/passwords",
        f"acl_file {tmp_path}/passwords.acl", f"listener {tls_port} 127.0.0.1",
        "use_username_as_clientid true", f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key",
    ) as broker, gateway(given.model_copy(update={"mqtt": broker.url})):  # fmt: skip
        store = SqliteStore(given.data / "store.sqlite")

        def write(tls):
            place(tmp_path, tls_port if tls else broker.port, password, tls=tls)
            return store

        yield write
        store.close()


def readings(store):
    """Signal → newest value of the node, once a reading is stored."""
    where = {"device": "my-esp32"}
    until(lambda: store.latest("telemetry", where, 0), "the reading is stored")
    (one,) = store.latest("telemetry", where, 0)
    return {name: value for name, (_, value) in one.fields.items()}


def test_its_reading_is_stored(road, run):
    store = road(False)
    assert run("node.main(1)") == ""
    assert readings(store) == {"soil_moisture": 31.5, "rssi": -67}


def test_its_reading_is_stored_over_tls(road, run, tmp_path):
    """The node trusts the file that `hoiquan ca --der` wrote."""
    store = road(True)
    done(hoiquan(tmp_path, "ca", "--der", "--out", "ca.der"))
    assert run("node.main(1)") == ""
    assert readings(store) == {"soil_moisture": 31.5, "rssi": -67}


def test_it_does_not_speak_with_a_server_of_another_ca(road, run, tmp_path):
    store = road(True)
    prepare(tmp_path / "other", tmp_path / "other", ["localhost"])
    (tmp_path / "ca.der").write_bytes(ssl.PEM_cert_to_DER_cert((tmp_path / "other" / CA).read_text("ascii")))
    said = run("node.main(2, 0)")
    assert said.count("not sent:") == 2 and "certificate" in said.lower()
    assert store.latest("telemetry", {"device": "my-esp32"}, 0) == []
