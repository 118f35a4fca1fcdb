"""A device's probe file, and the values of the place that this file needs (`--set height=3.2`)."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from devices.probes.number import TwoWays, number_in
from devices.probes.probe import Probe
from devices.probes.shelf import ProbeError, Shelf
from devices.texts import Misuse


def site_of(shelf: Shelf, probe: str | None, pairs: Iterable[str]) -> dict[str, float]:
    """The values of `pairs` (name=number) that the probe file with that id needs: all of them, and no other.
    Raises Misuse.
    """
    site = _numbers(pairs)
    if probe is None:
        return _matched("", (), site)
    kept = shelf.probes.get(probe)
    if kept is None:
        broken = (one for one in shelf.troubles if f"id: {probe}\n" in _text(one))
        raise next(broken, Misuse("enrol.no_probe", probe=probe))
    return _matched(probe, kept.probe.place_values, site)


def site_for(probe: Probe, pairs: Iterable[str]) -> dict[str, float]:
    """`site_of` for a probe that is on no shelf yet. Raises Misuse."""
    return _matched(probe.id, probe.place_values, _numbers(pairs))


def _numbers(pairs: Iterable[str]) -> dict[str, float]:
    site: dict[str, float] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        try:
            value, unit = number_in(text) or (math.nan, "")
        except TwoWays:
            raise Misuse("enrol.set_two_ways", pair=pair) from None
        if not equals or unit or not math.isfinite(value):
            raise Misuse("enrol.set", pair=pair)
        site[name.strip()] = value
    return site


def _matched(probe: str, needed: Sequence[str], site: dict[str, float]) -> dict[str, float]:
    for name in needed:
        if name not in site:
            raise Misuse("enrol.not_set", probe=probe, name=name)
    for name in site:
        if name not in needed:
            raise Misuse("enrol.set_in_vain", name=name, needed=", ".join(needed) or "-")
    return site


def _text(trouble: ProbeError) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return Path(str(trouble.values["path"])).read_text("utf-8") + "\n"
    return ""
