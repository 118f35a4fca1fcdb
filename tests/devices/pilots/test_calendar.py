"""Calendars of crops, and Tết as Vietnam has it."""

from datetime import date
from itertools import pairwise

import pytest
from pydantic import ValidationError

from devices.pilots.calendar import Crop, tet
from devices.pilots.pilot import HERE, load
from devices.pilots.places import Product

# FACTS section 5
TET = (
    "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06",
    "2028-01-26", "2029-02-13", "2030-02-02", "2031-01-23",
)  # fmt: skip
RICE = {"sown": ["11-25", "12-15"], "days": [95, 103], "kg_ha": [5700, 6900], "assumption": "all"}


def crop(**fields):
    return Crop.model_validate({name: value for name, value in (RICE | fields).items() if value is not None})


def test_tet_is_vietnams():
    assert [str(tet(year)) for year in range(2021, 2032)] == list(TET)
    assert tet(2030) != date(2030, 2, 3)  # the Chinese date
    assert tet(2019) is None
    assert tet(2200) is None
    days = [tet(year) for year in range(2020, 2200)]
    for one, other in pairwise(days):
        assert (other - one).days in (353, 354, 355, 383, 384, 385), one  # twelve or thirteen months


def test_a_window_may_pass_new_year():
    assert crop(sown=["12-20", "01-10"]).windows(2026) == [(date(2026, 12, 20), date(2027, 1, 10))]


def test_crops_that_follow_each_other_share_a_window():
    windows = crop(sown=["01-01", "12-28"], times=9, days=[28, 34]).windows(2026)
    assert len(windows) == 9
    for (_, late), (early, _) in pairwise(windows):
        assert (early - late).days >= 28


def test_before_tet():
    mandarin = crop(sown=None, before_tet=[26, 33], days=[270, 300], pickings=5, apart=6)
    assert mandarin.windows(2030) == [(date(2029, 12, 31), date(2030, 1, 7))]
    assert mandarin.windows(2200) == []
    assert mandarin.nearest == 6


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"sown": None}, "write one of sown, picked and before_tet"),
        ({"picked": ["01-01", "02-01"]}, "write one of sown, picked and before_tet"),
        ({"days": [103, 95]}, "the smaller comes first"),
        ({"kg_ha": [6900, 5700]}, "the smaller comes first"),
        ({"assumption": None}, "how is it known"),
        ({"sown": ["11-25", "02-30"]}, "pattern"),
        ({"sown": None, "before_tet": [1, 2], "times": 2}, "one Tết a year"),
    ],
)
def test_what_cannot_be_a_crop(fields, cause):
    with pytest.raises(ValidationError, match=cause):
        crop(**fields)


def product(**fields):
    name = {"vi": "Lúa", "en": "Rice"}
    whole = {"crop": "rice", "name": name, "gtin": "02000000000046", "yield_kg_ha": 8500, "season_days": 85,
             "calendar": [RICE], "assumption": "all"}  # fmt: skip
    return Product.model_validate(whole | fields)


def test_a_product_is_told_what_to_write():
    with pytest.raises(ValidationError, match="every_days: write `calendar` instead"):
        product(every_days=28)
    with pytest.raises(ValidationError, match="6900 kg/ha in a season, more than yield_kg_ha 6000"):
        product(yield_kg_ha=6000)
    with pytest.raises(ValidationError, match="13800 kg/ha in a season, more than yield_kg_ha 8500"):
        product(season_days=365, calendar=[RICE, RICE])


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_crop_says_how_it_is_known(path):
    for community in load(path.stem).communities:
        for one in community.products:
            assert one.every_days >= 1
            assert all(row.source or row.assumption for row in one.calendar)


def test_rice_is_grown_in_the_windows_of_the_delta():
    """FACTS section 5: 85 to 105 days, sown October to January, March to June, late July to September."""
    pilot = load("dong-thap")
    for grower in pilot.communities:
        for one in grower.products:
            if one.crop == "rice":
                months = [{int(day[:2]) for day in row.sown} for row in one.calendar]
                assert months[0] <= {10, 11, 12, 1}
                assert months[1] <= {3, 4, 5, 6}
                assert months[2] <= {7, 8, 9}
                assert all(85 <= row.days[0] <= row.days[1] <= 105 for row in one.calendar)
