"""Our checks compared with ioos_qc, the reference implementation of QARTOD's tests, on seeded series.

Each of its tests is compared with the same test of ours alone. Where the two differ by design, the test
checks the rule of the difference for each value on which they differ; they may differ in nothing else.
"""

import random
from functools import cache

import pytest

from devices.contract.quality import FLAT_LINE, GROSS_RANGE, RATE, SPIKE, Flag
from devices.contract.reading import Device, Reading
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Limit, load
from gateway.ingest import checks

PILOT = load("dong-thap")
DEVICE = Device("dong-thap", "tam-que", "d", "soil-probe", simulated=False)
BEGIN = 1_795_219_200  # 21 November 2026; a multiple of every step
SIZE = 150
STEP = 600  # seconds
SOIL, AIR = SIGNALS["soil_moisture"], SIGNALS["air_temperature"]
LEAP = checks.SPIKE_SHARE * (SOIL.high - SOIL.low)  # 17.5
A_SECOND = AIR.rate / 60
FLAT = 4 * 3600
ANY_RATE = 1e9


def series(kind, seed):
    """(second, value) pairs: a slow random walk, changed as `kind` says. Only `random()` is used, the one
    method of `random` that is promised to stay the same.
    """
    dice = random.Random(f"{kind}/{seed}")

    def between(low, high):
        return low + (high - low) * dice.random()

    second, home, level, stuck, out = BEGIN, 35.0, 35.0, 0, []
    for _ in range(SIZE):
        second += STEP
        if kind == "bursts":
            second += (1, 10, 30, 60, 300)[int(5 * dice.random())] - STEP
        if kind == "gaps" and dice.random() < 0.06:
            second += STEP * int(between(6, 60))
        if stuck:
            stuck -= 1
        else:
            most = 0.3 if kind == "bursts" else 0.9
            level = min(max(level + between(-most, most), home - 7), home + 7)
        value, luck, sign = level, dice.random(), 1 if dice.random() < 0.5 else -1
        if kind == "spikes" and luck < 0.1:
            value += sign * between(18, 27)
        elif kind == "steps" and luck < 0.06:
            change = 22 if home < 35 else -22
            home, level, value = home + change, level + change, value + change
        elif kind == "wild" and luck < 0.5:
            value = (5, 25, 45, 65)[int(4 * dice.random())] + between(-2, 2)
        elif kind == "range" and luck < 0.15:
            value = (-0.1, 0, 70, 70.1)[int(4 * dice.random())] + sign * between(0, 0.04)
        elif kind == "bursts" and luck < 0.2:
            value += sign * between(0.5, 7)
        elif kind in ("stuck", "gaps") and not stuck and luck < 0.05:
            stuck = int(between(3, 50))
        out.append((second, round(value, 1)))
    return out


# ioos_qc 3.0.0 with numpy 2.4.6: indices of the values it flags 3 or 4, by test, kind of series and seed.
#   range  gross_range_test(values, fail_span=(0, 70))
#   spike  spike_test(values, suspect_threshold=17.5, method="differential")
#   rate   rate_of_change_test(values, seconds as datetime64[s], threshold=2 / 60)
#   flat   flat_line_test(values, the same, suspect_threshold=14400, fail_threshold=10**9, tolerance=0.05)
ORACLE = {
    ("range", "calm", 1): "",
    ("range", "range", 1): "20 32 39 47 73 113 118 131",
    ("range", "range", 2): "6 10 24 35 39 42 48 57 60 68 75 114 115",
    ("spike", "calm", 1): "",
    ("spike", "spikes", 1): "19 20 47 58 75 77 80 86 88 110 116 119",
    ("spike", "spikes", 2): "27 31 48 95 125 134 135",
    ("spike", "steps", 1): "",
    ("spike", "steps", 3): "",
    ("spike", "wild", 1): (
        "4 5 8 18 25 28 49 55 59 60 72 84 91 94 96 102 103 111 117 124 125 129-131 136 143-145 147"
    ),
    ("spike", "wild", 2): (
        "4 5 13 16 22 31 38 44 47 49 58 61 68 76 80 93 95-97 100 101 109 126 128 138 142 143"
    ),
    ("rate", "calm", 1): "",
    ("rate", "bursts", 1): (
        "1 6 10 11 13-15 20 22 23 25 28-30 32 33 36 39-42 52 54 56 61 63 64 67 70 71 73 74 78 84 85 88 "
        "92-94 99 101-103 117 122 125 128 129 131 145 146 148"
    ),
    ("rate", "bursts", 2): (
        "1 2 5 7-9 11 14 16 17 19 22 23 25 31 32 34 35 37 38 45 46 48 52 53 56 60 61 64 66 67 73 74 76 78 "
        "82 83 89 90 93 97 99 104 111 112 114-117 122-128 134 137 139-141 145 147-149"
    ),
    ("flat", "calm", 1): "",
    ("flat", "stuck", 1): "39-46 91-113",
    ("flat", "stuck", 2): "87-96 123-128",
    ("flat", "gaps", 1): "36-47 74-76",
    ("flat", "gaps", 2): "29-33 67-70",
}


@cache
def oracle(test, kind, seed):
    """The indices that ioos_qc flags, expanded: "7 9-11" is 7, 9, 10 and 11."""
    spans = (span.partition("-") for span in ORACLE[test, kind, seed].split())
    return {place for low, _, high in spans for place in range(int(low), int(high or low) + 1)}


def ours(signal, told, reason, **limit):
    """The indices of the values that our checks flag for `reason` in the end."""
    pilot = PILOT.model_copy(update={"checks": (Limit(signal=signal.id, **limit),)})
    checker = checks.Checker(pilot)
    flags = {}
    for second, value in told:
        for point in checker.check(Reading(DEVICE, second * 1000, {signal.id: value})):
            tags = dict(point.tags)
            if tags.get("reason") == reason:
                flags[point.time // 1000] = point.fields["flag"]
    return {place for place, (second, _) in enumerate(told) if flags.get(second, Flag.GOOD) > Flag.GOOD}


def believed_before(place, doubted):
    """The last index before `place` that is not flagged."""
    return next(n for n in range(place - 1, -1, -1) if n not in doubted)


def cases(test):
    return pytest.mark.parametrize(("kind", "seed"), [key[1:] for key in ORACLE if key[0] == test])


@cases("range")
def test_gross_range_is_the_same(kind, seed):
    told = series(kind, seed)
    found = ours(SOIL, told, GROSS_RANGE, rate=ANY_RATE)
    assert found == oracle("range", kind, seed)
    assert bool(found) is (kind == "range")


@cases("spike")
def test_spikes_differ_by_what_a_value_is_held_against(kind, seed):
    """ioos_qc compares a value with its neighbours on both sides, we with the last value believed; and we
    take four leaps in a row for a sensor that has found another level.
    """
    told = series(kind, seed)
    values = [value for _, value in told]
    found = ours(SOIL, told, SPIKE, rate=ANY_RATE)
    theirs = oracle("spike", kind, seed)
    inner = set(range(1, SIZE - 1))  # ioos_qc gives no verdict on the first value and the last

    def leaps(place, other):
        return abs(values[place] - values[other]) > LEAP

    for place in (found ^ theirs) & inner:
        base = believed_before(place, found)
        if place in theirs:  # only ioos_qc flags it: the value is the way back, or the fourth in a row
            assert not leaps(place, base) or base < place - checks.PATIENCE
        # only we flag it: the value before is a leap of its own, or the next value is less than a leap away
        else:
            assert leaps(place, base)
            assert not leaps(place + 1, base) or leaps(place + 1, place), "else it would be a step"
    if kind != "wild":
        assert found & inner == theirs
    assert bool(found) is (kind in ("spikes", "wild"))


@cases("rate")
def test_rates_differ_by_the_minute_and_by_what_a_value_is_held_against(kind, seed, monkeypatch):
    """We flag nothing that ioos_qc does not. A value that only ioos_qc flags is no leap if a change within a
    minute may be as large as a whole minute's, measured from the last believed value (the way back) or from
    the value before, which it confirms; or it is the fourth in a row.
    """
    monkeypatch.setattr(checks, "SPIKE_SHARE", 10)
    told = series(kind, seed)
    found = ours(AIR, told, RATE)
    theirs = oracle("rate", kind, seed)
    assert found <= theirs

    def leaps(place, other):
        (then, before), (now, value) = told[other], told[place]
        return abs(value - before) > A_SECOND * max(now - then, 60)

    for place in theirs - found:
        base = believed_before(place, found)
        assert not leaps(place, base) or not leaps(place, place - 1) or base < place - checks.PATIENCE
    if kind != "bursts":
        assert found == theirs == set()


@cases("flat")
def test_flat_lines_differ_by_gaps_alone(kind, seed):
    """ioos_qc counts values: as many as the usual interval fits into the time. We use the time itself, and
    begin anew after a gap of more than half of it.
    """
    told = series(kind, seed)
    found = ours(SOIL, told, FLAT_LINE, rate=ANY_RATE, flat_hours=FLAT / 3600)
    theirs = oracle("flat", kind, seed)
    first = since = 0
    for place, (second, value) in enumerate(told):
        if value != told[first][1]:
            first = since = place
        if second - told[place - 1][0] > FLAT / 2:
            since = place
        assert (place in theirs) is (place - first >= FLAT // STEP)
        assert (place in found) is (second - told[since][0] >= FLAT)
    assert (found == theirs) is (kind != "gaps")
    assert bool(found) is (kind in ("stuck", "gaps"))


@pytest.mark.parametrize("test", ["spike", "rate", "flat"])
def test_the_differences_occur(test):
    """Otherwise the rules above would never have been tested."""
    reasons = {"spike": (SOIL, SPIKE), "rate": (AIR, RATE), "flat": (SOIL, FLAT_LINE)}
    differ = 0
    for which, kind, seed in ORACLE:
        if which == test:
            signal, reason = reasons[test]
            limit = {"flat_hours": FLAT / 3600} if test == "flat" else {}
            rate = {} if test == "rate" else {"rate": ANY_RATE}
            differ += len(
                ours(signal, series(kind, seed), reason, **limit, **rate) ^ oracle(test, kind, seed)
            )
    assert differ >= 10
