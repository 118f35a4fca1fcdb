"""How a device is read: its probe file, and the values of the place that it needs (`--set height=3.2`)."""

import math
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from devices.probes.shelf import ProbeError, Shelf
from devices.texts import Misuse


def site_of(shelf: Shelf, probe: str | None, pairs: Iterable[str]) -> dict[str, float]:
    """The values of `pairs` (name=number) that the probe file of that id needs: all of them, and no other.
    Raises Misuse.
    """
    site: dict[str, float] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        if not equals or not math.isfinite(value):
            raise Misuse("enrol.set", pair=pair)
        site[name.strip()] = value
    needed: tuple[str, ...] = ()
    if probe is not None:
        kept = shelf.probes.get(probe)
        if kept is None:
            broken = (one for one in shelf.troubles if f"id: {probe}\n" in _text(one))
            raise next(broken, Misuse("enrol.no_probe", probe=probe))
        needed = kept.probe.place_values
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
