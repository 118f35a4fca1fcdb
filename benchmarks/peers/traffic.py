"""The messages that a benchmark sends: 5 signals of a soil probe, in the form of the contract.

They come from the pilot's simulated devices. No two messages have the same device and time, so the store
holds as many points as it was given messages, and their count tells what is missing.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker_url import leave
from devices.clock import now_ms
from devices.contract.models import MODELS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import load

IN_FLIGHT = 1000  # a larger window makes paho slower
PATIENCE = 60.0  # seconds for the broker to acknowledge what it was sent
AHEAD = 50_000  # messages given to paho in advance: beyond 65,535 it drops them
DEVICES = 50
FIELDS = MODELS["soil-probe"].signals
COUNTED = FIELDS[0]  # bad messages are bad in this signal, so it counts the good ones
BAD = {
    "text": '"dry"',  # text in place of a number
    "1e999": "1e999",  # a number in JSON that no store can hold
}


@dataclass(frozen=True)
class Traffic:
    """`count` messages; with `bad`, one of `every` has a bad value of that kind."""

    count: int
    start: int  # epoch ms of the first message
    step: int = 1000  # ms between two messages of a device
    bad: str = ""
    every: int = 1000

    @property
    def bad_ones(self) -> int:
        return len(range(self.every // 2, self.count, self.every)) if self.bad else 0

    def at(self, number: int) -> int:
        """The time of message `number`; later messages have later times."""
        seq, device = divmod(number, DEVICES)
        return self.start + seq * self.step + device

    def __iter__(self) -> Iterator[tuple[str, str]]:
        probes = (device for device in load("dong-thap").fleet.values() if device.model == "soil-probe")
        names = [
            f"hoiquan/v1/{device.pilot}/{device.community}/{device.device}/telemetry"
            for device in islice(probes, DEVICES)
        ]
        values = [",".join(f'"{name}":{value}' for name, value in row.items()) for row in readings()]
        poison = {name: BAD.get(self.bad) if name == COUNTED else "1.5" for name in FIELDS}
        poisoned = ",".join(f'"{name}":{value}' for name, value in poison.items())
        for number in range(self.count):
            seq, device = divmod(number, DEVICES)
            bad = self.bad and number % self.every == self.every // 2
            row = poisoned if bad else values[number % len(values)]
            yield names[device], f'{{"ts":{self.at(number)},"seq":{seq},"boot":"b","values":{{{row}}}}}'


def readings(number: int = 997) -> list[dict[str, float]]:
    """Rows of values that pass every check in any order: no row is a jump from another, or out of range."""
    rows = []
    for place in range(number):
        share = place * 37 % number / number - 0.5  # neighbours in the list differ
        row = {}
        for name in FIELDS:
            signal = SIGNALS[name]
            middle = (signal.low + signal.high) / 2
            row[name] = round(middle + share * 0.8 * signal.rate, max(1, signal.decimals))
        rows.append(row)
    return rows


def recent(count: int) -> int:
    """A start time such that `count` messages lie in the past, but not in the distant past."""
    return now_ms() - (count // DEVICES + 120) * 1000


class Publisher:
    """A publisher at QoS 1 that knows what the broker has acknowledged."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="bench-publisher")
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._connected = threading.Event()
        self.published = self.acknowledged = 0
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not self._connected.wait(10):
            raise RuntimeError("the broker does not let the benchmark in")

    def publish(self, topic: str, payload: str) -> None:
        if self.published - self.acknowledged >= AHEAD:
            self._acknowledged(self.published - AHEAD + 1)
        self._client.publish(topic, payload, qos=1)
        self.published += 1

    def close(self, sent: int) -> None:
        """Wait until the broker has everything that was sent, and disconnect."""
        self._acknowledged(sent)
        leave(self._client)

    def _acknowledged(self, number: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.acknowledged < number:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the broker took {self.acknowledged} of {self.published} messages")
            time.sleep(0.01)

    def _on_connect(self, *_: object) -> None:
        self._connected.set()

    def _on_publish(self, *_: object) -> None:
        self.acknowledged += 1


def queue(port: int, traffic: Traffic) -> float:
    """Publish all messages, to be kept for every open session; returns messages a second."""
    publisher, began = Publisher(port), time.perf_counter()
    for topic, payload in traffic:
        publisher.publish(topic, payload)
    publisher.close(traffic.count)
    return traffic.count / (time.perf_counter() - began)
