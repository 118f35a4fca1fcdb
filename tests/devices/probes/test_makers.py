"""All probe files: each probe has examples, and reads their values and nothing else from them."""

from collections import Counter

import pytest
import yaml

from devices.contract.signals import SIGNALS
from devices.probes.probe import Probe
from devices.probes.reader import Reader
from devices.probes.shelf import HERE, NORMALIZED, Shelf, plain, read

FILES = [NORMALIZED, *sorted(HERE.glob("*.yaml"))]
ALL: list[Probe] = [probe for file in FILES for probe in read(file)]
EACH = pytest.mark.parametrize("probe", [pytest.param(probe, id=probe.id) for probe in ALL])


@EACH
def test_a_probe_has_an_example_and_reads_of_it_what_it_means(probe):
    assert probe.example, "an example of our own proves a probe"
    place = dict.fromkeys(probe.place_values, 2.0)
    for one in probe.example:
        heard = Reader(probe).read(one.says, place)
        values = heard.values | {signal: total for signal, (_, total) in heard.totals.items()}
        assert values == pytest.approx(one.means, abs=1e-9, rel=1e-9)
        assert values.keys() == one.means.keys()


@EACH
def test_what_its_examples_mean_can_be_believed(probe):
    for one in probe.example:
        for signal, value in one.means.items():
            counted = probe.readings[signal].counter is not None
            assert counted or SIGNALS[signal].low <= value <= SIGNALS[signal].high, signal


@EACH
def test_its_signals_are_known_and_its_maker_is_named(probe):
    assert set(probe.readings) <= set(SIGNALS)
    assert probe.maker.strip() == probe.maker != ""


def test_ids_are_unique():
    assert [name for name, count in Counter(probe.id for probe in ALL).items() if count > 1] == []


def test_a_model_is_of_one_probe_of_its_maker():
    models = Counter((plain(probe.maker), plain(model)) for probe in ALL for model in set(probe.models))
    assert [name for name, count in models.items() if count > 1] == []


def test_each_model_is_found_by_maker_and_name():
    shelf = Shelf()
    for probe in ALL:
        for name in (*probe.models, *probe.profiles):
            assert shelf.of_profile(name, probe.maker) == probe.id, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_profiles_stand_in_quotes(file):
    """Without quotes a name such as 1e5 or no would become a number or a boolean."""
    for document in yaml.compose_all(file.read_text("utf-8"), yaml.SafeLoader):
        for key, value in document.value:
            if key.value == "profiles" and file != NORMALIZED:
                assert all(one.style in ('"', "'") for one in value.value), value.start_mark
