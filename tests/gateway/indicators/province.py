"""A small province with targets and rules, its devices, and the count of an indicator in it."""

from datetime import datetime, timedelta, timezone

import yaml

from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from gateway.indicators.count import evaluate
from gateway.stores.points import Point, device_tags

HANOI = timezone(timedelta(hours=7))
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PILOT_FILE = """
pilot: p
name: {vi: Tỉnh, en: Province}
time_zone: Asia/Ho_Chi_Minh
reports:
  - {day: "11-30", to: {vi: Sở, en: Department}, source: s}
report_form:
  above: {vi: Tỉnh, en: Province}
  office: {vi: Sở, en: Department}
  symbol: BC-S
  place: {vi: Tỉnh, en: Province}
  to: [{vi: Tỉnh, en: Province}]
  basis: [{vi: Kế hoạch, en: Plan}]
  source: s
targets:
  - {indicator: iot_communities, points: [{year: 2025, at_least: 7}, {year: 2030, at_least: 14}], source: s}
  - {indicator: smart_villages, points: [{year: 2025, at_least: 7}, {year: 2030, at_least: 14}], source: s}
  - indicator: traceability_share
    points: [{year: 2025, at_least: 0.15}, {year: 2030, at_least: 0.5}]
    source: s
rules:
  iot_communities: {min_devices: 3, min_coverage: 0.8, window_days: 7, slot_minutes: 60}
  smart_villages: {window_hours: 24}
  traceability_share: {window_days: 365}
organisations:
  - {year: 2025, hoi_quan: 10, htx: 10, source: s}
  - {year: 2026, hoi_quan: 15, htx: 25, source: s}
services:
  - {id: air, name: {vi: Khí, en: Air}, signals: [air_temperature, relative_humidity]}
  - {id: soil, name: {vi: Đất, en: Soil}, signals: [soil_moisture]}
communities:
  - {id: a, name: A, commune_old: x, lat: 10, lon: 105, joined: 2021-01-01}
  - {id: b, name: B, commune_old: x, lat: 10, lon: 105, joined: 2021-01-01}
  - {id: c, name: C, commune_old: x, lat: 10, lon: 105, joined: 2021-01-01}
  - {id: late, name: Late, commune_old: x, lat: 10, lon: 105, joined: 2026-11-21}
villages:
  - {id: v, name: V, commune_old: x, lat: 10, lon: 105, joined: 2021-01-01, services: [air, soil]}
  - {id: w, name: W, commune_old: x, lat: 10, lon: 105, joined: 2026-11-21, services: [soil]}
"""
PILOT = Pilot.model_validate(yaml.safe_load(PILOT_FILE))


def at(*moment):
    return int(datetime(*moment, tzinfo=HANOI).timestamp() * 1000)


NOW = at(2026, 11, 21, 15, 20)
WINDOW = 7 * DAY


def device(name, community, simulated=False):
    return Device("p", community, name, "soil-probe", simulated)


def reading(who, time, **values):
    return Point("telemetry", device_tags(who), values or {"soil_moisture": 30.0}, time)


def hours(who, count, stop=NOW):
    """One reading in each of the first `count` hours of the window that ends at `stop`."""
    return [reading(who, stop - WINDOW + n * HOUR + 13 * MINUTE) for n in range(count)]


def count(store, devices, indicator, moment=NOW):
    evaluation = evaluate(store, PILOT, devices, moment)
    return next(one for one in evaluation.counts if one.indicator == indicator)
