"""The MicroPython example in MicroPython itself, its unix port; `test_examples.py` runs it on CPython."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from pydantic import SecretStr

from devices.mosquitto import write_passwords
from devices.registry import Registry
from devices.settings import Settings
from gateway.sqlite import SqliteStore
from tests.gateway.running import gateway
from tests.servers import mosquitto, program, until

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
# a board's modules that the unix port has not; its own umqtt goes before CPython's
PATH = f"{HERE / 'unix'}:{HERE / 'board'}:.frozen"


def test_the_node_runs_in_micropython_and_its_reading_is_stored(tmp_path):
    interpreter = program("micropython")
    given = Settings(data=tmp_path / "data", gateway_password=SecretStr("x"), spool_free_mb=0)
    registry = Registry(given.registry_url, given.loaded_pilot)
    password = registry.enroll("tam-que", "soil-probe", "my-esp32")
    write_passwords(tmp_path / "passwords", registry, "x", "")
    with mosquitto(
        "use_username_as_clientid true", "allow_anonymous false", f"password_file {tmp_path}/passwords",
        f"acl_file {tmp_path}/passwords.acl",
    ) as broker:  # fmt: skip
        ticket = {
            "host": "127.0.0.1", "port": broker.port, "tls": False, "user": "my-esp32",
            "password": password, "topic": "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry",
        }  # fmt: skip
        shutil.copy(ROOT / "devices" / "examples" / "micropython" / "main.py", tmp_path / "node.py")
        (tmp_path / "ticket.json").write_text(json.dumps(ticket), "utf-8")
        (tmp_path / "wifi.json").write_text('{"ssid":"village","password":"of wifi"}', "utf-8")
        with gateway(given.model_copy(update={"mqtt": broker.url})):
            done = subprocess.run(
                [interpreter, "-c", "import sys; sys.path.append('.'); import node; node.main(1)"],
                cwd=tmp_path, env=os.environ | {"MICROPYPATH": PATH},
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            store = SqliteStore(given.data / "store.sqlite")
            try:
                where = {"device": "my-esp32"}
                until(lambda: store.latest("telemetry", where, 0), "the reading is stored")
                (one,) = store.latest("telemetry", where, 0)
                assert {name: value for name, (_, value) in one.fields.items()} == {
                    "soil_moisture": 31.5,
                    "rssi": -67,
                }
            finally:
                store.close()
