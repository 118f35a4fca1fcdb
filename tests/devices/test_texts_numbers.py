"""Numbers, per cent, days, times and ages, as people write them in Vietnamese and in English."""

from datetime import UTC, date, datetime

import pytest

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.signals import SIGNALS
from devices.texts import age, day, moment, number, percent, rounded, span, spelt, text, with_unit


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [
        (1234.5, "1.234,5", "1,234.5"),
        (123456.75, "123.456,75", "123,456.75"),
        (850.0, "850", "850"),
        (1_000_000, "1.000.000", "1,000,000"),
        (0.1, "0,1", "0.1"),
        (1e-7, "0,0000001", "0.0000001"),
        (9999999.999999, "9.999.999,999999", "9,999,999.999999"),
        (-2.5, "-2,5", "-2.5"),
        (-0.0, "0", "0"),
        (1e21, "1.000.000.000.000.000.000.000", "1,000,000,000,000,000,000,000"),
    ],
)
def test_a_number_keeps_its_digits(value: float, vi: str, en: str) -> None:
    assert (number(value, "vi"), number(value, "en")) == (vi, en)
    assert float(spelt(value)) == value


@pytest.mark.parametrize(
    ("value", "decimals", "most", "vi"),
    [
        (3.9, 2, None, "3,90"),
        (0.125, 2, None, "0,13"),  # halves are rounded up
        (33.15, 1, None, "33,2"),  # rounded from the decimal value, not from the nearest double
        (-0.04, 1, None, "0,0"),
        (1850.0, None, 1, "1.850"),
        (15.54, None, 1, "15,5"),
        (1e30, 3, None, "1." + "000." * 9 + "000,000"),
        (float("inf"), 1, None, "Infinity"),
    ],
)
def test_decimals_are_those_asked_for(value: float, decimals: int | None, most: int | None, vi: str) -> None:
    assert number(value, "vi", decimals, most=most) == vi


def test_per_cent_is_written_as_the_plans_do() -> None:
    assert percent(0.15, "vi") == percent(0.15, "en") == "15%"
    assert (percent(0.155, "vi", most=1), percent(0.155, "en", most=1)) == ("15,5%", "15.5%")
    assert percent(0.285, "vi") == "29%" and percent(12.5, "vi") == "1.250%"
    assert span("15%", "20%") == "15–20%" and span("6", "8") == "6–8"
    assert rounded(0.07 * 100, 1) == 7.0


def test_a_unit_stands_behind_its_number() -> None:
    assert with_unit("31,5", "%") == "31,5%" and with_unit("225", "°") == "225°"
    assert with_unit("31,5", "°C") == "31,5 °C" and with_unit("4", "") == "4"
    assert SIGNALS["illuminance"].measured(52000, "vi") == "52.000 lux"
    assert SIGNALS["salinity"].measured(0.5, "en") == "0.50 g/L"


def test_days_and_times() -> None:
    at = datetime(2026, 6, 5, 9, 4, 7, tzinfo=UTC)
    assert (day(at, "vi"), day(at.date(), "en")) == ("05/06/2026", "5 Jun 2026")
    assert (moment(at, "vi"), moment(at, "en")) == ("05/06/2026 09:04", "5 Jun 2026 09:04")
    assert moment(at, "vi", seconds=True) == "05/06/2026 09:04:07"
    assert day(date(1, 1, 1), "vi") == "01/01/0001"


def test_ages() -> None:
    said = [age(ms, "vi") for ms in (0, 5 * MINUTE_MS, 90 * MINUTE_MS, 47 * HOUR_MS, 1200 * DAY_MS)]
    assert said == ["vừa xong", "5 phút trước", "1 giờ trước", "47 giờ trước", "1.200 ngày trước"]


def test_what_fills_a_sentence_is_written_in_its_language() -> None:
    """A fraction and a day are formatted; a whole number may be a year or a port, and is not."""
    assert text("place.joins", "en", day=date(2026, 6, 5)) == "joined on 5 Jun 2026"
    assert text("up.ended", "vi", part="x", code=1024, seconds=1.5).endswith(
        "(mã 1024); sẽ chạy lại sau 1,5 giây"
    )
