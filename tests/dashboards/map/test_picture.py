"""The map of every pilot: a finger meets one mark, names cover nothing, places are inside outlines."""

import math
import re
from itertools import pairwise

import pytest

from dashboards.map.land import NOWHERE, lands
from dashboards.map.picture import APART, CHARACTER, MARK, WIDTH, Map, Mark, draw
from devices.pilots.pilot import load

PILOTS = ("dong-thap", "quang-tri", "quang-ngai", "binh-duong")


def drawn(name: str, lang: str = "vi") -> Map:
    pilot = load(name)
    marks = [Mark(one.id, one.name, one.lat, one.lon, "later", False, one.name) for one in pilot.places]
    return draw(tuple(marks), lands()[name], lang)


@pytest.mark.parametrize("name", PILOTS)
def test_a_finger_meets_one_place_at_a_time(name: str) -> None:
    picture = drawn(name)
    spots = [(one.x, one.y) for one in picture.marks]
    for number, spot in enumerate(spots):
        assert MARK <= spot[0] <= WIDTH - MARK and MARK <= spot[1] <= picture.height - MARK
        assert all(math.dist(spot, other) > APART - 0.5 for other in spots[:number])


@pytest.mark.parametrize("name", PILOTS)
def test_names_that_are_shown_cover_neither_names_nor_marks(name: str) -> None:
    picture = drawn(name)
    boxes = [(one.x - MARK, one.y - MARK, one.x + MARK, one.y + MARK) for one in picture.marks]
    for one in picture.marks:
        width = (CHARACTER - 0.4) * len(one.mark.name)
        left = one.label_x - {"start": 0.0, "middle": width / 2, "end": width}[one.anchor]
        assert left >= 0 and left + width <= WIDTH and 0 < one.label_y < picture.height
        if one.shown:
            boxes.append((left, one.label_y - 9, left + width, one.label_y + 2))
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:number]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    assert sum(one.shown for one in picture.marks) >= 0.7 * len(picture.marks)


@pytest.mark.parametrize("name", PILOTS)
def test_the_province_is_around_its_places(name: str) -> None:
    """Outlines are simplified and of 2008, places precise to 5 km, and some islands too small to draw."""
    land = lands()[name]
    outside = [
        place.name for place in load(name).places
        if not any(inside(place.lon, place.lat, ring) for ring in land.today)
        and min(math.dist((place.lon, place.lat), point) for ring in land.today for point in ring) > 0.05
    ]  # fmt: skip
    assert outside == []


def inside(lon: float, lat: float, ring: tuple[tuple[float, float], ...]) -> bool:
    odd = False
    for (x, y), (next_x, next_y) in pairwise(ring):
        if (y > lat) != (next_y > lat) and lon < x + (lat - y) / (next_y - y) * (next_x - x):
            odd = not odd
    return odd


def test_dong_thap_of_today_reaches_to_the_sea_and_the_old_one_does_not() -> None:
    land = lands()["dong-thap"]
    assert inside(106.36, 10.37, land.today[0]), "Mỹ Tho, of Tiền Giang until 1 July 2025"
    assert not any(inside(106.36, 10.37, ring) for ring in land.before)


def test_rivers_have_names_in_the_reader_s_language() -> None:
    assert [one.word for one in drawn("dong-thap").names] == ["Sông Tiền", "Sông Hậu"]
    assert [one.word for one in drawn("dong-thap", "en").names] == ["Tiền river", "Hậu river"]


def test_a_province_without_outlines_is_drawn_without_them() -> None:
    picture = draw((Mark("a", "A", 10.0, 105.0, "later", True, "A"),), NOWHERE, "vi")
    assert (picture.today, picture.rivers, picture.names) == ("", "", ())
    assert picture.marks[0].shown and picture.height > 4 * MARK


def test_paths_are_what_svg_takes() -> None:
    for path in (drawn("dong-thap").today, drawn("dong-thap").rivers):
        assert re.fullmatch(r"(M(-?\d+,-?\d+ ?)+Z? ?)+", path)
