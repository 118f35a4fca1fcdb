"""What a diary event may say of its group's own plots and crops."""

from datetime import UTC, datetime

import pytest

from devices.clock import epoch_ms
from devices.contract.diary import DiaryEvent, Harvest, Irrigation
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.pilots.bounds import within
from devices.pilots.pilot import load

PILOT = load("dong-thap")
SECRETARY = Device("dong-thap", "tam-que", "secretary", "diary", simulated=False)
AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def harvest(**more: str) -> Harvest:
    fields = {"id": "h", "ts": AT, "plot": "plot-1", "crop": "mango"} | more
    return Harvest(event="harvest", quantity_kg=850, **fields)  # type: ignore[arg-type]


def refused(event: DiaryEvent) -> tuple[str, str]:
    with pytest.raises(PayloadError) as error:
        within(PILOT, SECRETARY, event, epoch_ms(AT))
    return error.value.reason, error.value.field


def test_a_harvest_is_of_a_crop_that_the_group_sells() -> None:
    within(PILOT, SECRETARY, harvest(), epoch_ms(AT))
    assert refused(harvest(crop="rice")) == ("unknown_crop", "crop rice: mango")


def test_work_on_another_crop_may_be_written_down() -> None:
    """Only harvests become lots; what was put on the plot matters whatever it was for."""
    water = Irrigation(event="irrigation", id="w", ts=AT, plot="plot-1", crop="rice", minutes=5)
    within(PILOT, SECRETARY, water, epoch_ms(AT))


def test_a_plot_is_one_of_the_groups() -> None:
    reason, field = refused(harvest(plot="vuon-xa"))
    assert reason == "unknown_plot" and field.startswith("plot vuon-xa: plot-1, ")
