"""The record's content: the items of Circular 02/2024, GS1's forms, and bytes that never change."""

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from devices.pilots.pilot import Pilot, gtin_check_digit
from tests.traceability.conftest import harvest, sprayed, write
from traceability.digital_link import DigitalLinkError, parse
from traceability.records import record
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

# Circular 02/2024/TT-BKHCN: item → its place in the record
SEVEN = {
    "product name": ("product", "name"),
    "product image": ("product", "image"),
    "producer's name": ("producer", "name"),
    "producer's address": ("producer", "address"),
    "time of the events": ("times", "harvested"),
    "code, mark or serial": ("marks", "lot"),
    "expiry": ("expiry",),
}


@pytest.fixture
def content(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> dict[str, Any]:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, sprayed(6, 3))
    done = write(sealer, device, harvest())
    assert done is not None
    return record.parse(seal.read(tmp_path, done.key) or b"")


def test_the_address_is_that_of_its_day_and_what_it_was_before_is_told_apart(content: dict[str, Any]) -> None:
    now = "phường Cao Lãnh, Đồng Tháp (trước đây: xã Tân Thuận Tây, TP. Cao Lãnh)"
    assert content["producer"]["address"] == now


@pytest.mark.parametrize("item", SEVEN)
def test_seven_items(content: dict[str, Any], item: str) -> None:
    found: Any = content
    for part in SEVEN[item]:
        assert part in found, item
        found = found[part]
    assert found or item == "expiry"


def test_every_part_says_how_it_is_known(content: dict[str, Any]) -> None:
    parts = ("product", "producer", "times", "marks", "quantity_kg", "events", "conditions", "certificates")
    known = {part: content[part]["known"] for part in parts}
    assert known["conditions"] == "sensed" and known["certificates"] == "certified"
    assert set(known.values()) <= {"declared", "sensed", "certified"}


def test_certificates_are_those_that_held_on_the_day(content: dict[str, Any]) -> None:
    rows = content["certificates"]["rows"]
    assert [row["scheme"] for row in rows] == ["vietgap", "ocop"]
    assert all(row["fictional"] and row["number"] and row["issuer"] for row in rows)
    assert content["planting_area"] is None


def test_bytes_are_canonical_and_nothing_else_is_a_record(content: dict[str, Any]) -> None:
    data = record.canonical(content)
    assert rfc8785.dumps(json.loads(data)) == data
    assert record.parse(data) == content
    for wrong in (b"", b"[]", b"{}", data + b" ", data.replace(b":", b": ", 1), b"\xff", b"[" * 100_000):
        with pytest.raises(record.RecordError):
            record.parse(wrong)


def test_the_log_learns_nothing_of_the_lot(content: dict[str, Any]) -> None:
    entry = record.entry(record.canonical(content))
    assert content["gtin"].encode() not in entry and content["lot"].encode() not in entry


@pytest.mark.parametrize("body", ["0200000000001", "0614141123452", "9501101530003"[:13]])
def test_check_digit_is_gs1s(body: str) -> None:
    digit = gtin_check_digit(body)
    weights = [3, 1] * 7
    total = sum(int(d) * w for d, w in zip(body + digit, weights, strict=True))
    assert total % 10 == 0


def test_every_gtin_of_the_pilot_is_in_the_restricted_range(pilot: Pilot) -> None:
    gtins = [product.gtin for community in pilot.communities for product in community.products]
    assert len(gtins) == len(set(gtins)) == 16
    for gtin in gtins:
        assert parse(gtin, "A").gtin == gtin and gtin.startswith("02")


@pytest.mark.parametrize(
    ("gtin", "lot", "reason"),
    [
        ("02000000000030", "A", "bad_check_digit"),
        ("2000000000039", "A", "bad_gtin"),
        ("٠2000000000039", "A", "bad_gtin"),
        ("02000000000015", "a", "bad_lot"),
        ("02000000000015", "..", "bad_lot"),
        ("02000000000015", "A" * 21, "bad_lot"),
    ],
)
def test_wrong_links_say_what_is_wrong(gtin: str, lot: str, reason: str) -> None:
    with pytest.raises(DigitalLinkError) as error:
        parse(gtin, lot)
    assert error.value.reason == reason
