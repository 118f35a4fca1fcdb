"""Certificates and planting-area codes: whom they belong to, and how long they are valid."""

from copy import deepcopy
from datetime import date

import pytest
import yaml

from devices.pilots.pilot import HERE, PilotError, load
from devices.texts import LANGS, text

WHOLE = yaml.safe_load((HERE / "dong-thap.yaml").read_text("utf-8"))


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_invented_says_so(path):
    records = load(path.stem).records
    for issued in (*records.certificates, *records.planting_areas, *records.packing_houses):
        assert issued.source or (issued.fictional and issued.assumption), issued


@pytest.mark.parametrize(
    ("day", "crop", "schemes"),
    [
        (date(2023, 12, 31), "mango", []),
        (date(2024, 1, 1), "mango", ["vietgap"]),
        (date(2028, 5, 31), "mango", ["vietgap", "ocop"]),
        (date(2028, 6, 1), "mango", ["vietgap"]),
        (date(2026, 1, 1), "rice", []),
    ],
)
def test_certificates_hold_from_their_first_day_to_their_last(day, crop, schemes):
    assert [c.scheme for c in load("dong-thap").records.certificates_of("tam-que", crop, day)] == schemes


def test_a_code_is_found_by_its_holder_and_by_its_text():
    records = load("dong-thap").records
    area = records.area("GD-DT-0001")
    assert area is not None
    assert records.area_of("tam-que", "mango", date(2026, 11, 1)) == area
    assert records.area_of("tam-que", "mango", date(2031, 1, 1)) is None
    assert records.area_of("canh-tan", "mango", date(2026, 11, 1)) is None
    assert records.area("GD-DT-9999") is None


def test_a_packing_house_is_found_by_its_code():
    records = load("dong-thap").records
    house = records.house("GD-DG-0001")
    assert house is not None and (house.community, house.crops) == ("tam-que", ("mango",))
    assert records.house("GD-DG-9999") is None


def test_a_packing_house_s_code_is_used_once(tmp_path):
    content = deepcopy(WHOLE)
    content["records"]["packing_houses"] *= 2
    path = tmp_path / "pilot.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(PilotError, match="used twice"):
        load(str(path))


@pytest.mark.parametrize("scheme", ["vietgahp", "iso", "gmp", "organic"])
def test_each_mark_has_its_scheme_and_its_name(tmp_path, scheme):
    content = deepcopy(WHOLE)
    content["records"]["certificates"][0] |= {"scheme": scheme, "number": f"{scheme}-1"}
    path = tmp_path / "pilot.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    held = load(str(path)).records.certificates_of("tam-que", "mango", date(2024, 1, 1))
    assert [one.scheme for one in held] == [scheme]
    assert all(text(f"page.scheme_{scheme}", lang) for lang in LANGS)


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        ("certificates", {"crops": ["durian"]}, "no product of crop durian"),
        ("certificates", {"community": "nobody"}, "nobody has no product"),
        ("certificates", {"valid_until": "2020-01-01"}, "before valid_from"),
        ("certificates", {"stars": 4}, "OCOP"),
        ("planting_areas", {"crop": "durian"}, "GD-DT-0001"),
        ("planting_areas", {"market": "China"}, "market"),
        ("planting_areas", {"code": "GD-DT-0002"}, "used twice"),
        ("packing_houses", {"crops": ["durian"]}, "GD-DG-0001"),
        ("packing_houses", {"market": "China"}, "market"),
        ("packing_houses", {"valid_until": "2020-01-01"}, "before valid_from"),
    ],
)
def test_a_wrong_section_is_refused_with_its_field(tmp_path, kind, change, sentence):
    content = deepcopy(WHOLE)
    content["records"][kind][0] |= change
    path = tmp_path / "pilot.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    with pytest.raises(PilotError) as error:
        load(str(path))
    assert "records" in str(error.value)
    assert sentence in str(error.value)
