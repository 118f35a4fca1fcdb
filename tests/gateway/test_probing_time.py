"""`hoiquan device learn` of a message with the time of its measurement: the file does not use it yet."""

import json

import pytest
from typer.testing import CliRunner

from devices import credentials
from devices.access.registry import Registry
from devices.pilots.pilot import load
from devices.texts import text
from hoiquan import app


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"ts_local": "2026-11-30 21:40:00"}, "ts_local"), ({"head": {"t": 1_796_050_867}}, "head.t"),
        ({"serial": "24E124136B50", "count": 870, "on": "12:30"}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lora", [False, True])
def test_whose_message_has_a_time_is_told_that_it_is_not_used_yet(tmp_path, more, path, lora):
    credentials.environment(tmp_path)
    registry = Registry(tmp_path / "registry.sqlite", load("dong-thap"))
    registry.enroll("tam-que", "soil-probe", "mine", dev_eui="1" * 16 if lora else None)
    message = tmp_path / "message.json"
    message.write_text(json.dumps({"vwc": 31.5} | more), "utf-8")
    words = ["device", "learn", "--id", "mine", str(message), "--take", "soil_moisture=vwc:%", "--lang", "en"]
    done = CliRunner().invoke(app, [*words, "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    file = tmp_path / "probes" / "own-mine.yaml"
    if path is None or lora:  # a network server's message has its server's time
        assert "looks like the time" not in done.stdout
    else:
        assert text("learn.time", "en", path=path, file=file) in done.stdout
