"""GS1 Digital Link URIs (GS1 DL 1.6: `/01/{gtin}/10/{lot}`) and the check digit of a GTIN."""

import re
from typing import NamedTuple

LOT = re.compile(r"[A-Z0-9-]{1,20}")  # a subset of GS1's 82 characters that needs no escaping and reads aloud


class DigitalLinkError(ValueError):
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


def check_digit(body: str) -> str:
    """The last digit of a GTIN whose other 13 digits are `body` (GS1 General Specifications 7.9)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(body))
    return str(-total % 10)


def parse(gtin: str, lot: str) -> LotKey:
    """The key of a scanned link. Raises DigitalLinkError."""
    if not re.fullmatch(r"[0-9]{14}", gtin):
        raise DigitalLinkError("bad_gtin")
    if check_digit(gtin[:13]) != gtin[13]:
        raise DigitalLinkError("bad_check_digit")
    if not LOT.fullmatch(lot):
        raise DigitalLinkError("bad_lot")
    return LotKey(gtin, lot)
