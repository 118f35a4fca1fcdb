"""The command and the answers shown in devices/README.md are those that are sent and accepted."""

import re
from pathlib import Path

from devices.contract.orders import ACTUATORS, CARRIED, parse_answer, parse_order
from devices.contract.payloads import parse_time

README = (Path(__file__).parents[3] / "devices" / "README.md").read_text("utf-8")


def test_the_command_and_the_answer_of_the_page():
    (shown,) = re.findall(r'^\{"id".*"actuator".*\}$', README, re.MULTILINE)
    order = parse_order(shown.encode())
    assert order.actuator in ACTUATORS and parse_time(order.until)
    (answer,) = re.findall(r"answers `(\{.*?\})`", README)
    told = parse_answer(answer.encode())
    assert (told.id, told.ok, told.error) == (order.id, True, None)


def test_each_model_names_what_it_carries():
    for model, actuators in CARRIED.items():
        (row,) = re.findall(rf"^\| `{model}` .*$", README, re.MULTILINE)
        assert row.split("|")[-2].strip() == ", ".join(f"`{one}`" for one in actuators)
