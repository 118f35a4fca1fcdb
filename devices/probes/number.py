"""A number in a text, as makers and their codecs write it: 31.5, 31,5, 7.68℃, 2.8(low battery)."""

import re

LONGEST = 64  # characters of a number with its unit
# a number, maybe its unit, maybe a remark
_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([^(]*?)\s*(?:\([^()]*\)\s*)?")
_COMMA = re.compile(r"\s*[+-]?((?:\d[\d.\s]*)?),(\d+)([.,]?)")


class TwoWays(ValueError):
    """The number can be read in two ways, such as 1,234: one and a bit, or more than a thousand."""


def number_in(text: str) -> tuple[float, str] | None:
    """The number that a text begins with, and the words behind it, mostly its unit; None if there is no
    number. Raises TwoWays.

    A comma is read as the decimal mark where it cannot stand between thousands, as in 32,40 and 0,125.
    """
    if len(text) > LONGEST:
        return None
    if comma := _COMMA.match(text):
        whole, part, more = comma.groups()
        thousands = len(part) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
        if thousands or more or (whole and not whole.isdigit()):
            raise TwoWays(text)
        text = text.replace(",", ".", 1)
    match = _NUMBER.fullmatch(text)
    return None if match is None else (float(match[1]), match[2])
