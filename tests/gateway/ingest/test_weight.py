"""What a gateway remembers of a device: bytes, however many devices there are."""

import gc
import json
import tracemalloc

from devices.clock import MINUTE_MS
from devices.contract.models import DIARY, MODELS
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import load
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message

PILOT = load("dong-thap")
NOW = 1_763_000_000_000
TURNS = 12  # messages of each


def fleet(begin, end):
    """Devices of all models but the diary, in turn."""
    models, places = [model for model in MODELS if model != DIARY], list(PILOT.place)
    return {
        f"real-{n}": Device(PILOT.pilot, places[n % len(places)], f"real-{n}", models[n % len(models)], False)
        for n in range(begin, end)
    }


def message(device, turn, more):
    signals = MODELS[device.model].signals
    body = {"values": {name: round(SIGNALS[name].low + 1 + turn / 100, 2) for name in signals}, **more(turn)}
    topic = f"hoiquan/v1/{device.pilot}/{device.community}/{device.device}/telemetry"
    return Message(topic, json.dumps(body).encode(), NOW + turn * MINUTE_MS, mid=turn)


def remembered(decoder, checker, devices, turns, more):
    """Bytes a device that are kept once these have spoken so often."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for turn in range(turns):
        decoded = decoder.decode([message(device, turn, more) for device in devices])
        assert len(decoded.readings) == len(devices)
        for reading in decoded.readings:
            checker.check(reading)
        for device in devices:
            decoder.state(device.device), checker.dump(device)
    del decoded, reading, device
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return (after - before) / len(devices)


def measured(turns, more, number=150):
    there = fleet(0, 2 * number)
    decoder, checker = Decoder(PILOT, there.get), Checker(PILOT)
    remembered(Decoder(PILOT, there.get), Checker(PILOT), list(there.values())[:2], turns, more)
    tracemalloc.start()
    try:  # the first fill what is shared
        remembered(decoder, checker, list(there.values())[:number], turns, more)
        return remembered(decoder, checker, list(there.values())[number:], turns, more)
    finally:
        tracemalloc.stop()


def test_a_device_that_dates_its_readings_takes_two_kilobytes():
    assert measured(TURNS, lambda turn: {"ts": NOW + turn * MINUTE_MS, "seq": turn, "boot": "7f3a"}) < 2048


def test_a_device_without_a_clock_takes_six_bytes_a_number_more():
    """Its numbers tell what came before: the last 512 of them."""
    assert measured(600, lambda turn: {"seq": turn, "boot": "7f3a"}, 40) < 2048 + 6 * 512


def test_holes_take_twenty_bytes_each():
    """Of a radio that loses every third message."""
    lossy = lambda turn: {"ts": NOW + turn * MINUTE_MS, "seq": turn * 3 // 2, "boot": "7f3a"}  # noqa: E731
    assert measured(100, lossy, 40) < 2048 + 20 * 64
