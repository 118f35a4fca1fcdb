"""An installation with makers' devices: a broker, a store, a gateway and the pages as processes."""

import csv
from contextlib import ExitStack, closing
from urllib.request import urlopen

from dashboards.kept import EVERY
from devices.settings import Settings
from gateway.ingest.batch import split_memory
from gateway.ingest.seen import NEVER, Seen
from gateway.ingest.spool import Spool
from gateway.stores.opening import open_store
from tests.loopback import answers, free_port
from tests.system.parties import SECRETS, Village
from tests.system.running import BUCKET, Influx, Publisher, Running, command, done, until

SHOWN = EVERY + 2  # seconds until a reading is in its device's row: the wait for the next look, and the way

# id: community, model, probe file, values of the place. Few sensors a place, so that none has neighbours.
DEVICES = {
    "lse01": ("tam-que", "soil-probe", "dragino-lse01", ""),
    "s2105": ("canh-tan", "soil-probe", "sensecap-soil", ""),
    "em410": ("tam-que", "canal-gauge", "milesight-em410-rdl", "height=3.2"),
    "wts506": ("tam-que", "weather-station", "", ""),  # ChirpStack's device profile names the model
    "sdd": ("phu-nong", "soil-probe", "", ""),  # ChirpStack's tag hoiquan-probe names it
    "trs12": ("thuan-tan", "soil-probe", "", ""),  # The Things Stack's list of models has it
    "configured": ("tan-binh", "soil-probe", "dragino-lse01", ""),
    "silent": ("canh-tan", "soil-probe", "", ""),
    "broken": ("canh-tan", "soil-probe", "", ""),
    "stranger": ("my-dien", "soil-probe", "", ""),
    "zigbee": ("hoa-kieng-lai-vung", "soil-probe", "own-zigbee", ""),
}
EUI = {device: f"24e124136b5022{place:02x}" for place, device in enumerate(DEVICES, 16)}
OWN = """
id: own-zigbee
maker: Acme
readings:
  soil_moisture: {from: soil_moisture, unit: "%"}
  battery_level: {from: battery, unit: "%"}
"""


class Site(Village):
    """Embedded broker with SQLite, or Mosquitto as it is deployed with InfluxDB."""

    def __init__(self, folder, embedded):
        self.running, self.network, self.influx = [], None, None
        with ExitStack() as undo:
            undo.callback(self.stop)
            if not embedded:
                self.influx = Influx(folder / "influx")
            super().__init__(folder, embedded)
            self.start()
            undo.pop_all()

    def start(self):
        self.settings |= {"HOIQUAN_MQTT": f"mqtt://127.0.0.1:{self.port}", "HOIQUAN_SPOOL_FREE_MB": "0",
                          "HOIQUAN_MQTT_VERSION": str(self.version)}  # fmt: skip
        if self.influx is not None:
            self.settings |= {"HOIQUAN_INFLUX_URL": self.influx.url, "HOIQUAN_INFLUX_BUCKET": BUCKET,
                              "HOIQUAN_INFLUX_TOKEN": self.influx.token}  # fmt: skip
        self.data, self.http = self.folder / "data", free_port()
        self.given = Settings.read(data=self.data, **{
            name.removeprefix("HOIQUAN_").lower(): value for name, value in self.settings.items()
        })  # fmt: skip
        for words in (["gateway"], ["web", "--http-port", str(self.http)]):
            self.running.append(Running(self.folder / f"{words[0]}.log", command(*words), **self.settings))
        self.passwords = self.enrolled()
        until("the gateway is well", 30, (self.data / "gateway" / "alive").exists)
        until("the pages answer", 30, lambda: answers(self.http))
        # ChirpStack asks for downlinks; without them it must still be let in
        asks = "application/+/device/+/command/+"
        self.network = Publisher(self.port, "chirpstack", SECRETS["HOIQUAN_CHIRPSTACK_PASSWORD"], hears=asks)
        assert not self.network.refused

    def enrolled(self):
        """Enroll one device by its own command, the others by a list; return their passwords."""
        (self.data / "probes").mkdir()
        (self.data / "probes" / "own-zigbee.yaml").write_text(OWN, "utf-8")
        (first, (place, model, probe, _)), *others = DEVICES.items()
        self.said = done(self.hoiquan("device", "enroll", "--community", place, "--model", model, "--id",
                                      first, "--probe", probe, "--dev-eui", EUI[first]))  # fmt: skip
        with (self.folder / "others.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("id", "community", "model", "probe", "set", "dev_eui"))
            rows.writerows((device, *row, EUI[device]) for device, row in others)
        report = self.folder / "report.csv"
        done(self.hoiquan("device", "enroll-many", str(file.name), "--report", str(report)))
        with report.open(encoding="utf-8", newline="") as file:
            return {row["id"]: row["password"] for row in csv.DictReader(file)}

    def stop(self):
        for part in (self.network, *self.running, getattr(self, "broker", None), self.influx):
            if part is not None:
                part.close() if part is self.network else part.stop()

    def publishes(self, *events):
        """Publish a network server's events, wait until all are settled, and return the books."""
        before = self.books()
        for event in events:
            self.network.publish(*event)
        self.network.all_acknowledged()
        return self.settled(before.received + len(events))

    def settled(self, received):
        def all_of_them():
            books = self.books()
            assert books.balanced
            return books if books.received >= received and not books.spooled else None

        return until("all is dealt with", 10, all_of_them)

    def spool(self):
        return closing(Spool.to_read(self.data / "gateway" / "spool.sqlite"))

    def books(self):
        with self.spool() as spool:
            return spool.books()

    def refused(self, device):
        """(reason, field) of each quarantined message of the device not yet replayed, the oldest first."""
        with self.spool() as spool:
            rows = spool.quarantined(100)
        mine = [row for row in reversed(rows) if EUI[device] in row.topic and not row.replayed]
        return [(row.reason, row.field) for row in mine]

    def missing(self):
        with self.spool() as spool:
            states, _ = split_memory(spool.seen())
        return {device: number for device, state in states.items() if (number := Seen(state).missing)}

    def stored(self, device):
        """Time → the good values of the device in the store."""
        with open_store(self.given) as store:
            rows = store.series("telemetry", {"device": device}, 0, NEVER, 100)
        values = {}
        for row in rows:
            values.setdefault(row.time, {}).update(row.fields)
        return values

    def lives(self, device):
        with open_store(self.given) as store:
            found = store.latest("device", {"device": device}, 0)
        return {name: value for one in found for name, (_, value) in one.fields.items()}

    def get(self, path):
        with urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return answer.read()

    def row(self, device, *words):
        """The device's row of the overview, once it contains the words."""

        def rows():
            parts = self.get("/").decode().split("<tr")
            mine = [one for one in parts if '<th scope="row">' in one and f"“{device}” " in one]
            return mine if len(mine) == 1 and all(one in mine[0] for one in words) else []

        return until(f"{device} on the overview with {words}", SHOWN, rows)[0]
