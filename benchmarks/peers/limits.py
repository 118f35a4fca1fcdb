"""What broker, disk and store can do by themselves: no gateway is faster than any of them.

`python -m benchmarks.peers.limits PORT CLIENT MESSAGES` is the bare drain: paho with manual acks, which
acknowledges each message at once and does nothing with it.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.peers.launch import wait
from benchmarks.peers.processes import ROOT, Missing, find
from benchmarks.peers.testbed import TAGS, Testbed
from benchmarks.peers.traffic import DEVICES, Traffic, queue, readings, recent
from devices.broker_url import leave

TOPIC = "hoiquan/v1/+/+/+/telemetry"
LINES = 5000  # lines per request that suit the server best
COMMIT = 2000  # messages per group commit, our gateway's maximum
BYTES = 230  # of a message with its topic, as in the queue


@dataclass(frozen=True)
class Limit:
    """`rate`: messages or points per second; `cpu_us`: CPU µs a message of the client, or of the store;
    `broker`: the share of a core that the broker used.
    """

    rate: float
    cpu_us: float | None = None
    broker: float | None = None

    def as_dict(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def broker(bed: Testbed, count: int) -> Limit:
    """mosquitto_sub: written in C, does nothing with the messages."""
    program = find("mosquitto_sub", "the broker's own limit waits for it (Debian: mosquitto-clients)")
    common = [program, "-p", str(bed.broker.port), "-i", "bench-sub", "-c", "-q", "1", "-t", TOPIC]
    return _drained(bed, count, [*common, "-E"], [*common, "-C", str(count)], "bench-sub")


def paho(bed: Testbed, count: int) -> Limit:
    """A bare paho loop with manual acks: the base of any gateway on paho."""
    command = [sys.executable, "-m", "benchmarks.peers.limits", str(bed.broker.port), "bench-paho"]
    return _drained(bed, count, [*command, "0"], [*command, str(count)], "bench-paho")


def disk(_: Testbed, count: int) -> Limit:
    """Group commits to a file in the folder of temporary files, each synced before the next."""
    body = b"x" * (BYTES * COMMIT)
    with tempfile.TemporaryFile(buffering=0) as file:
        began = time.perf_counter()
        for _number in range(max(1, count // COMMIT)):
            file.write(body)
            os.fsync(file.fileno())
        seconds = time.perf_counter() - began
    return Limit(max(1, count // COMMIT) * COMMIT / seconds)


def store(bed: Testbed, count: int) -> Limit:
    """Ready-made line protocol, one request after another, until the last point can be queried."""
    traffic = Traffic(count, recent(count))
    bucket = bed.bucket(traffic)
    rows = [",".join(f"{name}={value!r}" for name, value in row.items()) for row in readings()]
    lines = [
        f"telemetry,community=bench,device=bench-{number % DEVICES},{TAGS} "
        f"{rows[number % len(rows)]} {traffic.start + number}"
        for number in range(count)
    ]
    bodies = ["\n".join(lines[at : at + LINES]).encode() for at in range(0, count, LINES)]
    before, began = bed.cpu(), time.perf_counter()
    for body in bodies:
        bed.write(bucket, body)
    while bed.stored(bucket, traffic.start) < count:
        time.sleep(0.01)
    seconds, after = time.perf_counter() - began, bed.cpu()
    bed.drop(bucket)
    return Limit(count / seconds, (after["store"] - before["store"]) / count * 1e6)


def together(seconds: float = 1.0) -> float:
    """How many times the work of one core all cores do together: two may be threads of one core."""
    counting = (
        "import time\nn, end = 0, time.perf_counter() + float(input())\n"
        "while time.perf_counter() < end: n += sum(range(1000)) > 0\nprint(n)"
    )

    def counted(processes: int) -> int:
        running = [
            subprocess.Popen([sys.executable, "-c", counting], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(processes)
        ]
        with ThreadPoolExecutor(processes) as pool:
            counts = pool.map(lambda one: one.communicate(b"%f" % seconds)[0], running)
            return sum(map(int, counts))

    return counted(os.cpu_count() or 1) / counted(1)


BROKER, STORE = "broker → mosquitto_sub", "store, 5,000 ready lines a request"
PAHO = "broker → bare paho, manual acks"
LIMITS: dict[str, Callable[[Testbed, int], Limit]] = {
    BROKER: broker,
    PAHO: paho,
    "disk, 2,000 messages a sync": disk,
    STORE: store,
}


def _drained(bed: Testbed, count: int, opening: list[str], draining: list[str], client: str) -> Limit:
    """Open the session, queue the messages, drain them; measured from the connection to the program's end."""
    subprocess.run(opening, check=True, timeout=60, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        queue(bed.broker.port, Traffic(count, recent(count)))
        since = bed.mark()
        with subprocess.Popen(draining, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            wait(lambda: client in bed.clients(since), f"{client} connects", [])
            began, before = time.perf_counter(), bed.cpu()
            # wait4 instead of wait, because it returns the child's CPU time
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds, after = time.perf_counter() - began, bed.cpu()
        if process.returncode:
            raise Missing(f"{client} ended with {process.returncode}")
    finally:
        bed.forget([client])
    return Limit(
        rate=count / seconds,
        cpu_us=(usage.ru_utime + usage.ru_stime) / count * 1e6,
        broker=(after["broker"] - before["broker"]) / seconds,
    )


def bare(port: int, name: str, count: int) -> None:
    """Take `count` messages and acknowledge each; with 0, subscribe and leave."""
    done, taken = threading.Event(), 0
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False, manual_ack=True)

    def on_message(client: Client, _: object, message: MQTTMessage) -> None:
        nonlocal taken
        client.ack(message.mid, message.qos)
        taken += 1
        if taken == count:
            done.set()

    def on_connect(client: Client, *_: object) -> None:
        client.subscribe(TOPIC, qos=1)

    def on_subscribe(*_: object) -> None:
        if not count:
            done.set()

    client.on_message = on_message
    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not done.wait(300):
        raise SystemExit(f"{taken} of {count} messages after 300 s")
    leave(client)


if __name__ == "__main__":
    bare(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
