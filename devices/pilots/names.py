"""Names in both languages, the order of a Vietnamese dictionary, and names without their marks.

The alphabet is a ă â b c d đ e ê g h i k l m n o ô ơ p q r s t u ư v x y (f, j, w, z stand where they do in
Latin); tones decide last: ngang, huyền, hỏi, ngã, sắc, nặng (CLDR's order of `vi`). PyICU has no wheel, and
both code points and the default Unicode table put Đ in the wrong place, so the key is our own.
"""

import unicodedata
from functools import cache

from devices.pilots.written import Written

_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_RANK = {letter: rank for rank, letter in enumerate(_LETTERS, 100)}  # above blanks and digits
_TONES = {"\u0300": 1, "\u0309": 2, "\u0303": 3, "\u0301": 4, "\u0323": 5}
Key = tuple[tuple[int, ...], tuple[int, ...], str]


class Names(Written):
    """A name in Vietnamese and English; `get` gives the one of a language."""

    vi: str
    en: str

    def get(self, lang: str) -> str:
        return self.en if lang == "en" else self.vi


@cache
def alphabetical(name: str) -> Key:
    """The key by which names are sorted: letters, then tones, then the name itself, so the order is total."""
    letters: list[int] = []
    tones: list[int] = []
    for one in unicodedata.normalize("NFD", name.strip().casefold()):
        if one in _TONES:
            if tones:
                tones[-1] = _TONES[one]
        elif unicodedata.combining(one):
            _shape(letters, one)
        else:
            letters.append(_RANK.get(one, min(ord(one), 99) if ord(one) < 128 else ord(one)))
            tones.append(0)
    return tuple(letters), tuple(tones), name


def _shape(letters: list[int], mark: str) -> None:
    """Give the last letter its circumflex, breve or horn: that is a letter of its own."""
    if letters and 100 <= letters[-1] < 100 + len(_LETTERS):
        whole = unicodedata.normalize("NFC", _LETTERS[letters[-1] - 100] + mark)
        letters[-1] = _RANK.get(whole, letters[-1])


def unmarked(name: str) -> str:
    """The name as typed without a Vietnamese keyboard: "Tâm Quê" is "tam que"."""
    parts = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return " ".join("".join(one for one in parts if not unicodedata.combining(one)).split())
