"""A dead Milesight probe measures nothing; -0.1 °C of any other is a reading, with or without a model."""

import pytest

from devices.probes.shelf import Shelf


def read(says):
    return Shelf().reader("normalized").read(says, {}).values


@pytest.mark.parametrize("model", ["em500-smt", "em500-smtc"])
@pytest.mark.parametrize("form", [lambda soil: soil, lambda soil: [soil]], ids=["object", "list"])
def test_milesight_s_dead_probe_measures_nothing(model, form):
    for dead in (-0.1, -0.3):
        assert read({"soil": form({"temperature": dead}), "make": "milesight-iot", "model": model}) == {}
    live = {"soil": form({"temperature": 28.1}), "make": "milesight-iot", "model": model}
    assert read(live) == {"soil_temperature": 28.1}


@pytest.mark.parametrize("degrees", [-0.1, -0.3, 28.1])
@pytest.mark.parametrize(
    "says",
    [
        lambda t: {"soil": {"temperature": t}, "make": "dragino", "model": "lse01"},
        lambda t: {"soil": {"temperature": t}},
        lambda t: {"soil": [{"depth": 10}, {"temperature": t}]},
        lambda t: [{"air": {"temperature": 30.0}}, {"soil": {"temperature": t}}],
        lambda t: {"channels": [{"soil": {"temperature": t}}]},
    ],
    ids=["a model", "no model", "depths", "groups", "channels"],
)
def test_what_another_measures_is_read(says, degrees):
    assert read(says(degrees))["soil_temperature"] == degrees
