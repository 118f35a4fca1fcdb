"""Throws mutated bytes at everything that reads a message: `python benchmarks/fuzz.py --seconds 60`.

A finding is any exception except PayloadError, a reason without its two sentences, a field that no store can
write, a message without an outcome, or a value or time that no reading may have. Atheris (libFuzzer) keeps
the inputs that reach new code. It is not among the project's dependencies: `pip install atheris`.
"""

import argparse
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parents[1]))

EUI = "0024befffe804ff1"
TOPICS = ("hoiquan/v1/p/c/{}/{}", f"application/1/device/{EUI}/event/up")
SAID = (("probe", "telemetry"), ("probe", "status"), ("notebook", "diary"))
NOW = 1_795_230_000_000
TOO_SLOW = 5  # seconds for one input, after which it is a finding
MESSAGE = {
    "values": {"soil_moisture": 31.5, "soil_ec": 1},
    "ts": "2026-11-21T10:00:00+07:00",
    "seq": 7,
    "boot": "b",
}
PACK = [
    {"bn": "probe:", "bt": NOW / 1000, "n": "soil_moisture", "u": "/", "v": 0.3},
    {"n": "pump_state", "vb": True},
]
EVENT = {
    "time": "2026-11-21T03:00:00.125023242+00:00", "devAddr": "00e5e007", "fCnt": 42,
    "object": {"soil_moisture": 31.5}, "rxInfo": [{"rssi": -97}],
}  # fmt: skip
HARVEST = {"id": "h1", "ts": "2026-11-20T03:00:00Z", "plot": "a", "crop": "mango", "event": "harvest",
           "quantity_kg": 1.5}  # fmt: skip

# Words that random mutation would take long to spell.
WORDS = (
    b"soil_moisture", b"pump_state", b"values", b'"bver"', b'"bn"', b'"bt"', b'"bv"', b'"bu"', b'"vb"',
    b'"x_"', b"probe/", b"urn:", b"\\ud800", b"\\u005f", b"1e999", b"NaN", b"Infinity", b"9007199254740993",
    b"null", b"\xf9\x7e\x00", b"\xf7", b"\xc2\x49", b"\xc4\x82", b"\xc5\x82", b"\xd8\x1c", b"\xd8\x1d\x00",
    b"\xd8\x1e", b"\xd8\x23", b"\xd8\x24", b"\xd9\x01\x04", b"\x9f", b"\xbf", b"\xff",
)  # fmt: skip


def installed() -> ModuleType:
    """Import Atheris, or end the program with instructions."""
    try:
        return import_module("atheris")
    except ImportError:
        raise SystemExit(
            "benchmarks/fuzz.py: atheris is not installed here. Make an environment of its own, with what "
            "pyproject.toml asks for and `pip install atheris`, and run it there."
        ) from None


def seeds(folder: Path) -> None:
    """Write one first input of each kind. Its first byte chooses topic and flags for the rest."""
    import cbor2

    folder.mkdir()
    packed = [cbor2.dumps(PACK), cbor2.dumps([{-2: "probe:", -3: 1, 0: "soil_ec", 1: "S/m", 2: 0.1, 6: -60}])]
    texts = [
        json.dumps(one).encode() for one in (MESSAGE, [MESSAGE], PACK, EVENT, HARVEST, {"state": "online"})
    ]
    for number, payload in enumerate([*texts, *packed]):
        for how in range(4):
            (folder / f"{number}-{how}").write_bytes(bytes([how]) + payload)


def fuzz(atheris: ModuleType, seconds: int, folder: Path) -> None:  # noqa: PLR0915 # imports are statements
    """Run for `seconds` or until a finding, which is printed and written to `folder`."""
    with atheris.instrument_imports(include=["devices", "gateway", "json"]):
        from devices.contract.payloads import PayloadError
        from devices.contract.reading import Device
        from devices.contract.signals import SIGNALS
        from devices.probes.envelope import envelopes
        from devices.probes.shelf import Shelf
        from devices.probes.telemetry import Probes
        from devices.texts import LANGS, catalogue
        from gateway.ingest.decode import Decoder
        from gateway.ingest.message import Message

    models = {"probe": "soil-probe", "notebook": "diary"}
    devices = {name: Device("p", "c", name, model, simulated=False) for name, model in models.items()}
    state = {"probe": ""}
    probes = Probes(Shelf())

    def refused(reason: str, field: str) -> None:
        assert len({catalogue()[f"rejected.{reason}"][lang] for lang in LANGS}) == len(LANGS)
        field.encode()

    def taken(values: dict[str, float], time: int | None) -> None:
        assert values.keys() <= SIGNALS.keys()
        assert all(type(value) is float and abs(value) <= 2**53 for value in values.values())
        assert time is None or abs(time) <= 2**53

    def read(payload: bytes) -> None:
        for envelope in (None, *envelopes()):
            try:
                readings = probes.telemetry(payload, devices["probe"], envelope)
            except PayloadError as error:
                refused(error.reason, error.field)
            else:
                assert readings
                for telemetry in readings:
                    taken(telemetry.values, telemetry.time)

    def sort(how: int, payload: bytes) -> None:
        """Decode as the gateway does, with the decoder's state from earlier inputs."""
        topic = TOPICS[how % 2].format(*SAID[how // 2 % 3])
        message = Message(topic, payload, NOW + how, bool(how & 64), bool(how & 128))
        seen = {"probe": state["probe"]} if state["probe"] else None
        made = Decoder("p", devices.get, seen, by_eui={EUI: devices["probe"]}.get)
        decoded = made.decode([message, message])
        parts = (set(decoded.source), decoded.diary, decoded.states, decoded.repeated, decoded.refused)
        fates = sum(map(len, parts))
        # a message of nulls only has nothing to store
        assert fates == 2 or (fates < 2 and b"null" in payload)
        for refusal in decoded.refused.values():
            refused(refusal.reason, refusal.field)
        for reading in decoded.readings:
            taken(reading.values, reading.time)
        for name in decoded.touched:
            state[name] = made.state(name)

    def one(data: bytes) -> None:
        read(data[1:])
        sort(data[0] if data else 0, data[1:])

    begin = folder / "seeds"
    seeds(begin)
    words = folder / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in WORDS))
    options = [f"-max_total_time={seconds}", "-max_len=17000", f"-timeout={TOO_SLOW}", "-print_final_stats=1",
               f"-artifact_prefix={folder}/", f"-dict={words}"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(begin)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long to run (60)")
    options = parser.parse_args()
    atheris = installed()
    # atheris ends the process itself: the folder stays, with the findings in it
    fuzz(atheris, options.seconds, Path(tempfile.mkdtemp(prefix="hoiquan-fuzz-")))


if __name__ == "__main__":
    main()
