"""How many bytes a gateway keeps per device, however many devices there are."""

import tracemalloc

from devices.clock import MINUTE_MS
from devices.contract.models import DIARY, MODELS
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from tests.gateway import weight

PILOT = load("dong-thap")
NOW = 1_763_000_000_000
TURNS = 12  # messages per device


def fleet(begin, end):
    """Devices of all models but the diary, in turn."""
    models, places = [model for model in MODELS if model != DIARY], list(PILOT.place)
    return {
        f"real-{n}": Device(PILOT.pilot, places[n % len(places)], f"real-{n}", models[n % len(models)], False)
        for n in range(begin, end)
    }


def measured(turns, more, number=150):
    """Bytes kept per device."""
    there = fleet(0, 2 * number)
    devices = list(there.values())
    decoder, checker = Decoder(PILOT, there.get), Checker(PILOT)
    tracemalloc.start()
    try:  # the first run fills what all devices share
        weight.kept(Decoder(PILOT, there.get), Checker(PILOT), devices[:2], turns, NOW, more)
        weight.kept(decoder, checker, devices[:number], turns, NOW, more)
        return weight.kept(decoder, checker, devices[number:], turns, NOW, more)[0] / number
    finally:
        tracemalloc.stop()


def test_a_device_that_dates_its_readings_takes_two_kilobytes():
    assert measured(TURNS, weight.dated(NOW)) < 2048


def test_a_device_without_a_clock_takes_six_bytes_a_number_more():
    """Without times the last 512 numbers are kept, to recognise repetitions."""
    assert measured(600, weight.clockless, 12) < 2048 + 6 * 512


def test_holes_take_twenty_bytes_each():
    """The radio loses every third message."""
    lossy = lambda turn: {"ts": NOW + turn * MINUTE_MS, "seq": turn * 3 // 2, "boot": "7f3a"}  # noqa: E731
    assert measured(100, lossy, 40) < 2048 + 20 * 64
