"""GS1 Digital Link URIs (GS1 DL 1.6): `/01/{gtin}/10/{lot}`."""

import re
from typing import NamedTuple

from devices.errors import UserError
from devices.pilots.pilot import gtin_check_digit

LOT = re.compile(r"[A-Z0-9-]{1,20}")  # a subset of GS1's 82 characters that needs no escaping and reads aloud


class DigitalLinkError(UserError):
    """The link does not name a lot. `reason` is a key of the catalogue `page.*`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LotKey(NamedTuple):
    """What a label names."""

    gtin: str
    lot: str

    @property
    def path(self) -> str:
        return f"/01/{self.gtin}/10/{self.lot}"


def parse(gtin: str, lot: str) -> LotKey:
    """The key of a scanned link. Raises DigitalLinkError."""
    if not re.fullmatch(r"[0-9]{14}", gtin):
        raise DigitalLinkError("bad_gtin")
    if gtin_check_digit(gtin[:13]) != gtin[13]:
        raise DigitalLinkError("bad_check_digit")
    if not LOT.fullmatch(lot):
        raise DigitalLinkError("bad_lot")
    return LotKey(gtin, lot)
