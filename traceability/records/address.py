"""The public address of a lot: its page, its record and its label agree on it.

    HOIQUAN_BASE_URL is set     ─► that: an operator's setting comes first, as always
    a server runs on the folder ─► its address (running.json, Settings.as_running)
    neither                     ─► the address that was sealed into the record's EPCIS document

The server seals records and serves pages under one address, the first or second of these. The third is the
address at the time of sealing. It comes from the record itself, so no other file has to survive.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from devices.settings import Settings
from devices.texts import Misuse
from traceability.digital_link import LotKey


def of(settings: Settings, content: dict[str, Any]) -> str:
    """The public address of the server that has this record, without a slash at its end."""
    running = settings.as_running()
    chosen = running.base_url if "base_url" in running.model_fields_set else sealed(content)
    return (chosen or running.base_url).rstrip("/")


def sealed(content: dict[str, Any]) -> str:
    """The address in the EPCIS document of a record or addendum; empty where there is none.

    Looks only at names of goods (`epcClass`), because those never contain a person's words.
    """
    path = LotKey(content["gtin"], content["lot"]).path
    for name in _classes(content.get("epcis")):
        base, matched, _ = name.partition(path)
        if matched and base.startswith(("http://", "https://")):
            return base
    return ""


def this_machine_s(base_url: str) -> bool:
    """Whether only this machine reaches the address. Raises Misuse if it is no web address."""
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
