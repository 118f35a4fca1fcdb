"""CPU cost of decoding and checking a message, by kind: `python benchmarks/decoding.py [--before DIR]`.

Measures CPU µs a message from the spool's bytes to checked points, with the gateway's own decoder and checks,
in one thread: a core that does nothing else takes as many messages in that time.
The kinds take turns for several rounds, each time in a new process; the best round counts. Broker, disk and
store are not included, because they cost the same for every kind. `--whole US` takes the CPU µs of a plain
message that benchmarks/gateway.py printed, and prints the whole gateway's cost of each kind relative to that.

    contract          {"ts", "seq", "boot", "values"} of five signals
    its own words     the same five as a maker's JSON on the device's own topic, read by a probe file
    uplink, contract  ChirpStack's event with a codec that returns the contract's names
    uplink, probe     the same with a maker's codec, numbers as text, read by a probe file

`--before` names another checkout, such as the previous commit, which this program measures in turn with ours.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(sys.argv[sys.argv.index("--root") + 1] if "--root" in sys.argv else Path(__file__).parents[1])
sys.path.insert(0, str(ROOT))

from devices.contract.reading import Device  # noqa: E402 # of the checkout that is measured
from devices.pilots.pilot import load  # noqa: E402
from gateway.ingest.checks import Checker  # noqa: E402
from gateway.ingest.decode import Decoder  # noqa: E402
from gateway.ingest.message import Message  # noqa: E402

NOW = 1_795_230_000_000
DEVICES, BATCH = 200, 4000
TEXTS = ("water_SOIL", "temp_SOIL", "conduct_SOIL", "TempC_DS18B20", "Bat")
NAMES = ("soil_moisture", "soil_temperature", "soil_ec", "air_temperature", "battery_voltage")


def values(number: int) -> tuple[float, ...]:
    """Five values that change a little with `number`."""
    step = number % 7 / 10
    return 31.2 + step, 27.1 + step / 10, 0.42, 29.5 + step / 10, 3.61


def messages(kind: str, rounds: int) -> Iterator[list[Message]]:
    """Batches of messages of many devices, each later than the one before."""
    for turn in range(rounds):
        batch = []
        for number in range(BATCH):
            name, at = f"probe-{number % DEVICES}", NOW + (turn * BATCH + number) // DEVICES * 60_000
            batch.append(
                Message(*topic_and_payload(kind, name, number % DEVICES, turn * BATCH + number, at), at)
            )
        yield batch


def topic_and_payload(kind: str, name: str, place: int, number: int, at: int) -> tuple[str, bytes]:
    """The topic and payload of one message."""
    some = values(number)
    own = f"hoiquan/v1/dong-thap/tam-que/{name}/telemetry"
    texts = dict(zip(TEXTS, (f"{one:.2f}" for one in some), strict=True))
    maker: dict[str, object] = {**texts, "conduct_SOIL": 420, "Bat": 3.61, "Interrupt_flag": 0}
    ours = dict(zip(NAMES, some, strict=True))
    if kind == "contract":
        return own, json.dumps({"ts": at, "seq": number // DEVICES, "boot": "7f3a", "values": ours}).encode()
    if kind == "its own words":
        return own, json.dumps(maker).encode()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at / 1000)) + ".000+00:00"
    event = {
        "deduplicationId": f"{number:036d}", "time": stamp,
        "deviceInfo": {"tenantName": "hoiquan", "deviceProfileName": "LSE01", "devEui": f"{place:016x}",
                       "deviceName": name, "tags": {}},
        "devAddr": f"{place:08x}", "adr": True, "dr": 5, "fCnt": number // DEVICES, "fPort": 2,
        "confirmed": False, "data": "AQEwAAAAAAAIdg==",
        "object": ours if kind == "uplink, contract" else maker,
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -97, "snr": 6.5, "channel": 2}],
        "txInfo": {"frequency": 922200000},
    }  # fmt: skip
    return f"application/7/device/{place:016x}/event/up", json.dumps(event).encode()


KINDS = ("contract", "its own words", "uplink, contract", "uplink, probe")


def cost(kind: str, rounds: int) -> float:
    """CPU µs a message."""
    probe = "dragino-lse01" if kind in ("its own words", "uplink, probe") else None
    names = [f"probe-{number}" for number in range(DEVICES)]
    where = ("dong-thap", "tam-que")
    devices = {name: Device(*where, name, "soil-probe", simulated=False, probe=probe) for name in names}
    euis = {f"{number:016x}": devices[f"probe-{number}"] for number in range(DEVICES)}
    decoder = Decoder("dong-thap", devices.get, by_eui=euis.get)
    checker = Checker(load("dong-thap"))
    spent, number = 0.0, 0
    for batch in messages(kind, rounds):
        start = time.process_time()
        decoded = decoder.decode(batch)
        for reading in decoded.readings:
            checker.check(reading)
        spent += time.process_time() - start
        assert len(decoded.readings) == len(batch), list(decoded.refused.values())[:1]
        number += len(batch)
    return spent / number * 1e6


def main() -> None:
    """Print a line per kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--before", type=Path, help="another checkout to measure in turn with this one")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each kind; the best counts (7)")
    parser.add_argument(
        "--whole",
        type=float,
        help="CPU µs per plain message in the whole gateway, as benchmarks/gateway.py prints it",
    )
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(cost(options.one, 5))
        return
    known: dict[tuple[str, str], list[float]] = {}
    for turn in range(options.rounds):
        for kind in KINDS:
            known.setdefault(("ours", kind), []).append(elsewhere(ROOT, kind))
        if options.before is not None:
            for kind in ("contract", "uplink, contract"):
                known.setdefault(("before", kind), []).append(elsewhere(options.before.resolve(), kind))
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
    plain = min(known["ours", "contract"])
    for (whose, kind), some in known.items():
        line = f"{whose:7}{kind:18}{min(some):7.2f} µs (median {median(some):.2f})"
        if options.whole is not None and whose == "ours":
            line += f", whole gateway {(options.whole + min(some) - plain) / options.whole:.2f} of plain"
        if whose == "before":
            line += f"; ours {min(known['ours', kind]) / min(some):.3f} of it"
        print(line)


def elsewhere(root: Path, kind: str) -> float:
    """The cost of a kind, measured in a new process with the code of `root`."""
    command = [sys.executable, __file__, "--root", str(root), "--one", kind]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
