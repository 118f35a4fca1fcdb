"""Names sort as in a Vietnamese dictionary, and are found when typed without marks."""

import random
import unicodedata

import pytest

from devices.pilots.names import alphabetical, unmarked
from devices.pilots.pilot import load

ALPHABET = list("aăâbcdđeêghiklmnoôơpqrstuưvxy")
# each list is in the order of a dictionary
ORDERED = (
    ALPHABET,
    [letter.upper() for letter in ALPHABET],
    ["ma", "mà", "mả", "mã", "má", "mạ"],
    ["Canh Tân", "Cao Lãnh", "Châu Thành", "Dân Tiến", "Đại Nghĩa", "Đoàn Kết", "Gò Công"],
    ["An Nhơn", "An Nông", "Ăn", "Ấp Bắc", "Ba Sao"],
    # the letters of the whole name count before its tones
    ["Tân", "Tấn", "Tân An", "Tân Thuận Đông", "Tân Thuận Tây"],
    ["Mỹ Tho", "Mỹ Trà", "Mỹ Xương", "Nàng Mau"],
    ["Hội quán 2", "Hội quán An"],
)


@pytest.mark.parametrize("names", ORDERED, ids=lambda names: names[0])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_stand_as_in_a_dictionary(names: list[str], form: str) -> None:
    written = [unicodedata.normalize(form, name) for name in names]
    mixed = random.Random(1).sample(written, len(written))
    assert sorted(mixed, key=alphabetical) == written


def test_code_points_would_put_a_letter_wrongly() -> None:
    assert sorted(["Tâm", "Đồng", "Dân"]) == ["Dân", "Tâm", "Đồng"], "why there is a key at all"
    assert sorted(["Tâm", "Đồng", "Dân"], key=alphabetical) == ["Dân", "Đồng", "Tâm"]


@pytest.mark.parametrize("pilot", ["dong-thap", "quang-tri", "quang-ngai", "binh-duong"])
def test_the_order_of_a_pilots_places_is_total(pilot: str) -> None:
    names = [place.name for place in load(pilot).places]
    assert len({alphabetical(name) for name in names}) == len(set(names))


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Tâm Quê", "tam que"),
        ("Đốc Binh Kiều", "doc binh kieu"),
        ("  Ơ  ƯỚC ", "o uoc"),
        ("MỸ XƯƠNG", "my xuong"),
    ],
)
def test_a_name_is_found_without_its_marks(name: str, typed: str) -> None:
    assert unmarked(name) == typed
    assert unmarked(unicodedata.normalize("NFD", name)) == typed
