"""Two installations on one InfluxDB, each with a bucket and tokens of its own: whichever makes its tokens
again, in whatever order, both go on writing readings and books, each into its own bucket.
"""

import json

import pytest

from tests import servers
from tests.system.ingest import DEVICES, STEP
from tests.system.running import Gateway, Mosquitto, Publisher, done, hoiquan, until

DEVICE = DEVICES[0]


class Installation:
    """A broker, a gateway and a bucket. The value of its n-th reading is `begin` + n / STEP."""

    def __init__(self, folder, server, begin):
        folder.mkdir()
        self.folder, self._server, self._begin, self.said = folder, server, begin, 0
        self.bucket = server.bucket()
        self._broker = Mosquitto(folder / "broker")
        self._where = {"HOIQUAN_INFLUX_URL": server.url, "HOIQUAN_INFLUX_ORG": server.org,
                       "HOIQUAN_INFLUX_BUCKET": self.bucket}  # fmt: skip
        self._gateway = self._publisher = None

    def make_tokens(self, admin):
        """Delete the token files, and make new tokens."""
        files = [self.folder / name for name in ("writer", "reader")]
        for file in files:
            file.unlink(missing_ok=True)
        made = hoiquan(self.folder, "tokens", "--writer", str(files[0]), "--reader", str(files[1]),
                       **self._where, HOIQUAN_INFLUX_TOKEN=admin)  # fmt: skip
        assert "hoiquan writer, hoiquan reader" in done(made)

    def start(self):
        own = {"HOIQUAN_MQTT": self._broker.url, "HOIQUAN_GATEWAY_PASSWORD": "x",
               "HOIQUAN_INFLUX_TOKEN_FILE": str(self.folder / "writer")}  # fmt: skip
        self._gateway = Gateway(self.folder / "gateway.log", self._where | own)
        until("its subscription", 30, self._gateway.connected)
        self._publisher = Publisher(self._broker.port, DEVICE.device)

    def say(self):
        self.said += 1
        message = {"boot": "b", "seq": self.said, "values": {"soil_moisture": self._begin + self.said / STEP}}
        topic = f"hoiquan/v1/dong-thap/{DEVICE.community}/{DEVICE.device}/telemetry"
        self._publisher.publish(topic, json.dumps(message))

    def writes(self):
        """Publish one more reading; it reaches the bucket."""
        self.say()
        until("its readings", 60, lambda: len(self.readings()) >= self.said)

    def readings(self):
        series = self._server.ask("SELECT soil_moisture FROM telemetry", self.bucket)
        return [value for _, value in series[0]["values"]] if series else []

    def expected(self):
        return [self._begin + number / STEP for number in range(1, self.said + 1)]

    def books(self):
        """[received, stored] in the bucket, of the only gateway that writes there."""
        series = self._server.ask(
            "SELECT last(received), last(stored) FROM gateway GROUP BY instance", self.bucket
        )
        (one,) = series or [None]
        return one and one["values"][0][1:]

    def stop(self):
        if self._publisher is not None:
            self._publisher.close()
        if self._gateway is not None:
            self._gateway.running.stop()
        self._broker.stop()


@pytest.fixture
def both(any_influx, tmp_path):
    made = [Installation(tmp_path / name, any_influx, begin) for name, begin in (("one", 20), ("other", 40))]
    yield made
    for one in made:
        one.stop()


@pytest.mark.parametrize("again", [(0, 1), (1, 0)], ids=["in the same order", "in the other order"])
def test_both_go_on_writing(any_influx, both, again):
    admin = any_influx.token
    for one in both:
        one.make_tokens(admin)
    for one in both:
        one.start()
        one.writes()
    if isinstance(any_influx, servers.Influx):  # the only token that there is gives way to another
        admin = "another"
        any_influx.accept(admin)
    try:
        for one in again:
            for each in both:
                each.say()  # while a token is refused the reading waits in the spool
            both[one].make_tokens(admin)
            both[one].writes()
        for one in both:
            one.writes()
            assert one.readings() == one.expected()
            until("its books", 30, lambda one=one: one.books() == [one.said, one.said])
    finally:
        if isinstance(any_influx, servers.Influx):
            any_influx.accept(any_influx.token)
