"""A device answers a command late, after the sender has gone and the gateway was killed. Whole processes, and
the commands of devices/README.md.
"""

import json
import threading

from tests.system.ingest import Ingest
from tests.system.running import Gateway, Publisher, done, hoiquan, until
from tests.system.test_kill_gateway import broker

assert broker  # a fixture

PUMP = "thuan-tan-pump-controller-01"
PLACE = f"hoiquan/v1/dong-thap/thuan-tan/{PUMP}"


def test_it_is_recorded(broker, tmp_path):
    settings = {"HOIQUAN_MQTT": broker.url, "HOIQUAN_GATEWAY_PASSWORD": "x", "HOIQUAN_OPERATOR_PASSWORD": "x"}

    def device(*words):
        return hoiquan(tmp_path, "device", *words, "--data", str(tmp_path / "data"), **settings)

    gateway = Gateway(tmp_path / "gateway.log", settings)
    try:
        until("the gateway's subscription", 30, gateway.connected)
        pump = Publisher(broker.port, PUMP, hears=f"{PLACE}/command")
        told = device("command", PUMP, "pump", "on", "--wait", "0", "--lang", "en")
        assert (told.returncode, "no answer yet" in told.stdout) == (1, True)
        assert f"hoiquan device commands --id {PUMP}" in told.stdout
        until("the command", 10, lambda: pump.heard)
        gateway.kill()
        order = json.loads(pump.heard[0][1])
        for ok in (True, False):
            pump.publish(f"{PLACE}/result", json.dumps({"id": order["id"], "ok": ok, "error": None}))
        pump.all_acknowledged()
        gateway.start()

        def recorded():
            (one,) = json.loads(done(device("commands", "--id", PUMP, "--json")))
            return one["ok"]

        assert until("the answer", 30, recorded) is True
        pump.close()
    finally:
        gateway.running.stop()


def test_it_is_told_while_influxdb_is_away(tmp_path):
    ingest = Ingest(tmp_path)
    try:
        ingest.start()
        pump = Publisher(ingest.broker.port, PUMP, hears=f"{PLACE}/command")
        ingest.influx.stop()
        pump.publish(f"{PLACE}/telemetry", '{"values":{"pump_state":0}}')
        asked = threading.Thread(target=answering, args=(pump,))
        asked.start()
        told = hoiquan(
            tmp_path, "device", "command", PUMP, "pump", "on", "--wait", "20", "--lang", "en",
            **ingest.settings, HOIQUAN_OPERATOR_PASSWORD="x",
        )  # fmt: skip
        asked.join()
        assert (told.returncode, "done" in told.stdout) == (0, True), told
        until("the answer is settled, and the reading waits", 30, lambda: ingest.books().spooled == 1)
        pump.close()
    finally:
        ingest.stop()


def answering(pump):
    until("the command", 10, lambda: pump.heard)
    order = json.loads(pump.heard[0][1])
    pump.publish(f"{PLACE}/result", json.dumps({"id": order["id"], "ok": True, "error": None}))
