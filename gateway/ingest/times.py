"""The newest times of a device and the values at each, as the text that the spool keeps.

    [1763000000000,0,[31.5,1.25]],[1763000600000,0,[31.4,1.25]]      the oldest first; 0: place of the signals

Thousands of devices are silent at any moment: text takes a fourth of the memory that numbers take, and is
saved as it is.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

MOST = 8  # newest times whose values are remembered
Signals = tuple[tuple[str, ...], ...]  # the sets of signals that a device sends together, each set once
Values = Mapping[str, float]
_BETWEEN = "]],["  # stands between two times, and nowhere else


def packed(times: Mapping[int, Values], text: str = "", signals: Signals = ()) -> tuple[str, Signals]:
    """Add `times` to the earlier ones in `text` and keep the newest. Returns the text and its signals."""
    rows = [text] if text else []
    for time in sorted(times)[-MOST:]:
        names = tuple(times[time])
        if names not in signals:
            signals = _one_and_same((*signals, names))
        values = to_json(list(times[time].values())).decode()
        rows.append(f"[{time},{signals.index(names)},{values}]")
    text = ",".join(rows)
    begin = 0
    for _ in range(text.count(_BETWEEN) + 1 - MOST):
        begin = text.index(_BETWEEN, begin) + len(_BETWEEN) - 1
    if len(signals) > MOST:
        return packed(unpacked(text[begin:], signals))
    return text[begin:], signals


def unpacked(text: str, signals: Signals) -> dict[int, Values]:
    """The values by time, out of the text."""
    return read(json.loads(f"[{text}]"), signals)


def read(rows: Iterable[Any], signals: Sequence[Any]) -> dict[int, Values]:
    """The values by time, out of rows as the text has them. Raises one of CONTENT for anything else."""
    return {
        int(time): {str(name): float(value) for name, value in zip(signals[of], values, strict=True)}
        for time, of, values in rows
    }


@lru_cache(maxsize=4096)
def _one_and_same(signals: Signals) -> Signals:
    """One shared object for all devices that send the same signals."""
    return signals
