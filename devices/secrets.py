"""Secrets of an embedded run: made once, in a file that only its owner reads."""

import json
import os
from pathlib import Path
from secrets import token_hex

from devices.files import replace
from devices.texts import Misuse

NAMES = (
    "HOIQUAN_GATEWAY_PASSWORD",
    "HOIQUAN_SIMULATOR_SECRET",
    "HOIQUAN_READER_PASSWORD",
    "HOIQUAN_OPERATOR_PASSWORD",
)
FILE = "secrets.json"


def environment(data: Path) -> dict[str, str]:
    """The secrets of the folder `data` as environment variables; the environment's own go before."""
    kept = read(data)
    if missing := {name: token_hex(24) for name in NAMES if name not in kept}:
        kept |= missing
        path = data / FILE
        data.mkdir(parents=True, exist_ok=True)
        replace(path, json.dumps(kept), 0o600)
    return {name: os.environ.get(name) or kept[name] for name in NAMES}


def read(data: Path) -> dict[str, str]:
    """The secrets that the folder `data` has; {} where it has none yet."""
    try:
        kept: dict[str, str] = json.loads((data / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Misuse("setting.broken_secrets", path=data / FILE, error=error) from None
    return kept
