"""Under which address a lot is found: what its page, its record and its label agree on.

    HOIQUAN_BASE_URL is set     ─► that: what an operator says goes first, as with every setting
    a server runs on the folder ─► its address (running.json, Settings.as_running)
    neither                     ─► the address that was sealed into the record's EPCIS document

The server seals records and serves pages under one address, the first or second of these. The third is what
it was when the lot was sealed: the record itself is the memory, and no other file has to survive.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from devices.settings import Settings
from devices.texts import Misuse
from traceability.digital_link import LotKey


def of(settings: Settings, content: dict[str, Any]) -> str:
    """The public address, without a slash at its end, of the server that has this record."""
    running = settings.as_running()
    chosen = running.base_url if "base_url" in running.model_fields_set else sealed(content)
    return (chosen or running.base_url).rstrip("/")


def sealed(content: dict[str, Any]) -> str:
    """The address that stands in the EPCIS document of a record or addendum; empty where none does. Only the
    names of goods are looked at: those are never a person's words.
    """
    path = LotKey(content["gtin"], content["lot"]).path
    for name in _classes(content.get("epcis")):
        base, matched, _ = name.partition(path)
        if matched and base.startswith(("http://", "https://")):
            return base
    return ""


def this_machine_s(base_url: str) -> bool:
    """Whether only this machine reaches the address. Raises Misuse where it is none."""
    try:
        host = urlsplit(base_url).hostname
    except ValueError:
        host = None
    if not host or not base_url.startswith(("http://", "https://")):
        raise Misuse("setting.base_url", address=base_url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _classes(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "epcClass" and isinstance(inner, str):
                yield inner
            else:
                yield from _classes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _classes(inner)
