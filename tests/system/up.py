"""`hoiquan up` as a process of a test, on ports and in a folder of its own."""

import json
import signal
from contextlib import ExitStack, closing
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from gateway.ingest.spool import Spool
from tests.loopback import free_port
from tests.system.running import Running, command, descendants, done, hoiquan, until

PARTS = ("broker", "mosquitto", "gateway", "web", "simulate")


class Up:
    """`hoiquan up` on ports and in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.http, self.mqtt = free_port(), free_port()
        self.start()

    def start(self):
        self.running = Running(
            self.folder / "up.log",
            command("up", "--history", "2d", "--http-port", str(self.http), "--mqtt-port", str(self.mqtt)),
        )
        with ExitStack() as undo:
            undo.callback(self.running.stop, signal.SIGINT)
            until("all parts of `hoiquan up`", 60, self.ready)
            undo.pop_all()

    def ready(self):
        assert not self.running.ended(), self.running.text()
        return len(self.children()) == len(PARTS) and self.counted() and self.gateway_hears()

    def children(self):
        return descendants(self.running.pid)

    def counted(self):
        try:
            return self.json("/api/v1/indicators")["rows"]
        except (OSError, KeyError):
            return None

    def gateway_hears(self):
        return "connected to" in self.running.text().rpartition("broker on")[2]

    def get(self, path, **headers):
        with urlopen(Request(f"http://127.0.0.1:{self.http}{path}", headers=headers), timeout=10) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.get(path))

    def status(self, path):
        try:
            self.get(path)
        except HTTPError as error:
            return error.code
        return 200

    def latest(self, device):
        """The device's newest values as the open data gives them, or None."""
        try:
            return self.json(f"/api/v1/devices/{device}/latest")["values"]
        except HTTPError:
            return None

    def says(self, device, signal, value):
        return ((self.latest(device) or {}).get(signal) or {}).get("value") == value

    def hoiquan(self, *arguments):
        return hoiquan(self.folder, *arguments)

    def enroll(self, device, model="soil-probe"):
        """Enroll a device as a maker does, and return the ticket that the command prints."""
        return json.loads(done(self.hoiquan("device", "enroll", "--community", "tam-que", "--model", model,
                                            "--id", device, "--json")))  # fmt: skip

    def books(self):
        with closing(self._spool()) as spool:
            return spool.books()

    def refused(self):
        """The reasons of all quarantined messages."""
        with closing(self._spool()) as spool:
            return {row.reason for row in spool.quarantined()}

    def _spool(self):
        return Spool(self.folder / "data" / "gateway" / "spool.sqlite")
