"""A folder on which a rehearsal runs is closed to a second one."""

import threading

import pytest

from devices import installation
from devices.pilots import scenario as scenarios
from sim import rehearsal
from tests.loopback import free_port


def test_a_second_one_on_the_same_folder_is_refused_before_it_changes_anything(tmp_path):
    name = next(iter(sorted(path.stem for path in scenarios.HERE.glob("*.yaml"))))
    mark = tmp_path / scenarios.SCENARIO
    # with a content that our own code does not write
    mark.write_text(scenarios.load(name).model_dump_json(), "utf-8")
    before = mark.read_bytes()
    with installation.claim(tmp_path), pytest.raises(installation.Occupied):
        rehearsal.up(name, tmp_path, (), free_port(), "127.0.0.1", None, threading.Event(), "en")
    assert mark.read_bytes() == before
