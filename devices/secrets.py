"""Secrets of an embedded run: made once, in a file that only its owner reads."""

import json
import os
from pathlib import Path
from secrets import token_hex

NAMES = ("HOIQUAN_GATEWAY_PASSWORD", "HOIQUAN_SIMULATOR_SECRET")


def environment(data: Path) -> dict[str, str]:
    """The secrets of the folder `data` as environment variables; the environment's own go before."""
    path = data / "secrets.json"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({name: token_hex(24) for name in NAMES}, file)
        temporary.replace(path)
    kept: dict[str, str] = json.loads(path.read_text("utf-8"))
    return {name: os.environ.get(name) or kept[name] for name in NAMES}
