"""The bytes a gateway keeps of devices that send, for tests, and for benchmarks/growth.py at any size.

Both need tracemalloc to run from before the first message until after the last.
"""

import gc
import json
import tracemalloc
from collections.abc import Callable, Mapping, Sequence

from devices.clock import MINUTE_MS
from devices.contract.models import MODELS
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message

AT_ONCE = 500  # messages decoded together
More = Callable[[int], Mapping[str, object]]  # turn → the fields of a message besides its values


def dated(start: int) -> More:
    """The fields of a device with a clock: a message a minute since epoch ms `start`."""
    return lambda turn: {"ts": start + turn * MINUTE_MS, **clockless(turn)}


def clockless(turn: int) -> Mapping[str, object]:
    return {"seq": turn, "boot": "7f3a"}


def message(device: Device, at: int, turn: int, more: More) -> Message:
    """A message with every signal of the device's model, which arrived at epoch ms `at`."""
    values = {name: round(SIGNALS[name].low + 1 + turn / 100, 2) for name in MODELS[device.model].signals}
    topic = f"hoiquan/v1/{device.pilot}/{device.community}/{device.device}/telemetry"
    return Message(topic, json.dumps({"values": values, **more(turn)}).encode(), at, mid=turn)


def kept(
    decoder: Decoder, checker: Checker, devices: Sequence[Device], turns: int, start: int, more: More
) -> tuple[int, float]:
    """(bytes kept once each device has sent `turns` messages, mean length of a device's memory as text)."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for turn in range(turns):
        for first in range(0, len(devices), AT_ONCE):
            some = devices[first : first + AT_ONCE]
            at = start + turn * MINUTE_MS
            decoded = decoder.decode([message(device, at, turn, more) for device in some])
            assert len(decoded.readings) == len(some)
            for reading in decoded.readings:
                checker.check(reading)
    length = sum(len(decoder.state(one.device) + checker.dump(one)) for one in devices) / len(devices)
    del decoded, reading
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return after - before, length
