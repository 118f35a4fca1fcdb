"""The diary as its readers, who only show it, read it."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devices.contract.diary import Harvest
from devices.pilots.pilot import Pilot
from tests.traceability.diary.test_standing import Plot, correct, pack, pick
from traceability.diary.reader import DiaryReader


class Counting(DiaryReader):
    """Counts queries of the file: each question about corrections reads a group's whole diary."""

    questions = 0

    def _ask(self, question: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        self.questions += 1
        return super()._ask(question, values)


@pytest.mark.parametrize("number", [2, 9])
def test_a_longer_list_takes_no_more_questions(tmp_path: Path, pilot: Pilot, number: int) -> None:
    plot = Plot(tmp_path, pilot)
    with closing(plot.sealer):
        plot.write(*(pick(f"h{one}", one / 100, 50) for one in range(number)))
        plot.write(pack("p", 1, 10, harvest="h0"), correct("c", "h0", 2, quantity_kg=40.0))
    diary = Counting(tmp_path)
    shown = diary.entries("tam-que", 20)
    assert diary.questions == 2 and len(shown) == number + 2
    (held,) = (one.event for one in shown if one.event.id == "h0")
    assert isinstance(held, Harvest) and held.quantity_kg == 40.0
    diary.questions = 0
    assert {lot.harvest: lot.kilograms for lot in diary.lots("tam-que")}["h0"] == 40.0
    assert diary.questions == 3, "one for the entry that was corrected"
