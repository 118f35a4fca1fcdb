"""Checks on every text that people read: no id, no English word in Vietnamese, and numbers and days in the
form of devices/texts.py.

    page ─► visible ─┐
    board, message ──┴─► faults (ids, lang)
"""

import re
import unicodedata
from html.parser import HTMLParser
from typing import get_args

from devices.contract.models import MODELS
from devices.contract.quality import REASONS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Indicator

# these hold no text, or what a person or a machine wrote
HIDDEN = {"script", "style", "code", "pre", "textarea"}
SAID = ("alt", "title", "aria-label", "placeholder")  # attributes that are shown or read aloud
EMPTY = {"meta", "link", "input", "img", "br", "line", "rect", "circle", "path", "polyline", "polygon", "use"}
BLOCKS = {"p", "li", "td", "th", "h1", "h2", "h3", "div", "br", "option", "dt", "dd", "text", "label", "a"}

# Words in a Vietnamese text that are no Vietnamese syllable, and why they may stand there.
ALLOWED = {
    "names of things and formats": """
        Grafana InfluxDB MQTT Mosquitto LoRa LoRaWAN ChirpStack SenML JSON CBOR CSV QR GTIN EPCIS VietGAP
        GlobalG IoT hoiquan Excel Word PDF DOCX JPEG PNG WebP RFC UTF BOM UCUM Things Stack""",
    "sources and licences of the map": "geoBoundaries CC BY GSHHG LGPL",
    "units": "ppm lux dS EC NTU kWh hPa dBm mg kg km mm ha MB ppth",
    "science as Vietnamese schools write it": "Oxy Amoniac Kali pH PM mili",
    "offices and what they abbreviate": "HTX UBND BC VT TP OCOP SKHCN",
    "words that Vietnamese has taken over": "cookie byte codec Internet JavaScript",
    "Roman numbers": "II III IV VI VII VIII IX XI XII XIII XIV XV XVI XVII XVIII XIX XX",
}
_VOWELS = (
    "a e i o u y ai ao au ay eo eu ia ie iu oa oe oi oo ua ue ui uo uu uy ye ieu yeu oai oay oeo uai uay uoi "
    "uou uya uye uyu"
).replace(" ", "|")
_SYLLABLE = re.compile(
    rf"(?:b|ch|c|d|gh|gi|g|h|kh|k|l|m|ngh|ng|nh|n|ph|p|qu|r|s|th|tr|t|v|x)?(?:{_VOWELS})(?:ch|c|m|ng|nh|n|p|t)?"
)
_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"(?<![\w/-])[\w-]+")  # whole, as an id is written
_KNOWN = {word.casefold() for words in ALLOWED.values() for word in words.replace("'s", "").split()}
_CODE = re.compile(  # parts that a reader copies, and does not read as a word, a number or a day
    "|".join((
        r"https?://\S+", r"(?<!\w)/[a-z][\w/.{}-]*",
        r"\b[\w/]+\.md\b", r"[\w-]*\.(?:json|vkey|tlog-proof)\b",
        r"\b[A-Z]{1,6}\d{6}-[A-Z0-9]{8}\b", r"\b\d{14}\b", r"\(\d\d\) \S+",  # lots
        r"\b[0-9a-f]{16,}…?",  # hashes
        r"\b[A-Z0-9]+(?:-[A-Z0-9]+)*-\d{4}\b",  # certificates
        r"\b\d+(?:/\d{4})?[/-][A-ZĐ][\w-]*(?:/\w+)?",  # decrees
        r"\b(?:EPCIS|CC BY|RFC|MQTT|LGPL v?|GS)\s?[\d.]+", r"\bgateway-\d+",
        r"\bhoiquan(?: [a-z-]+)+", r"--[a-z-]+",
        r"“[\w.]+”|\"[\w.]+\"|\{[^ ]*\}|\bnull\b|\(2026-11-21T10:00:00Z\)",  # fields of a message
    ))
)  # fmt: skip
_NUMBERS = {
    "vi": re.compile(r"(?<![\w.,:/-])\d+\.(?:\d{1,2}|\d{4,})(?![\d.])"),  # a point before decimals
    "en": re.compile(r"(?<![\w.,:/-])\d+,(?:\d{1,2}|\d{4,})(?![\d,])"),
}
_LONG = re.compile(r"(?<![\w.,:/-])(?:\d{5,}|(?!19|20|21)\d{4})(?![\w/-])")  # thousands not set apart
_PERCENT = re.compile(r"\d[\s\u00a0]%")
_DAYS = {
    "vi": re.compile(
        r"\b\d{4}-\d\d-\d\d\b|\b\d?\d/(?:1[3-9]|[23]\d)/\d{4}\b|(?<![\d/])(?:\d/\d?\d|\d\d/\d)/\d{4}\b|"
        r"\b(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"
    ),
    "en": re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d?\d/\d?\d/\d{4}\b"),
}


class _Visible(HTMLParser):
    """Collects the text that a reader sees; text in another language than the page's is left out."""

    def __init__(self, lang):
        super().__init__()
        self._lang, self._open, self.parts = lang, [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        foreign = given.get("lang") not in (None, self._lang) and tag != "html"
        if tag not in EMPTY:
            self._open.append((tag, tag in HIDDEN or foreign))
        if not self._away:
            self.parts += [f"\n{given[name]}\n" for name in SAID if given.get(name)]
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag):
        while self._open and tag in [name for name, _ in self._open]:
            if self._open.pop()[0] == tag:
                break
        if tag in BLOCKS:
            self.parts.append("\n")

    @property
    def _away(self):
        return any(hidden for _, hidden in self._open)

    def handle_data(self, data):
        if not self._away:
            self.parts.append(data)


def visible(html, lang):
    """The lines of a page that people read."""
    page = _Visible(lang)
    page.feed(html)
    return [line for line in (" ".join(one.split()) for one in "".join(page.parts).split("\n")) if line]


def ids(pilot, lang):
    """The ids that machines use; in English only those with - or _, as others are words (rice, energy)."""
    every = {place.id for place in (*pilot.places, *pilot.producers.values())} | pilot.fleet.keys()
    every |= {rule.id for rule in pilot.advice.rules} | {service.id for service in pilot.services}
    every |= {product.crop for one in pilot.producers.values() for product in one.products}
    every |= {*get_args(Indicator), *MODELS, *SIGNALS, *REASONS, pilot.pilot}
    return {one for one in every if "-" in one or "_" in one or lang == "vi"} - {
        "co2",
        "rssi",
        "htx",
        "diary",
    }


def cells(pilot):
    """The ids that a table cell of a board may hold."""
    found = {place.id for place in pilot.places} | set(pilot.fleet) | {rule.id for rule in pilot.advice.rules}
    found |= {product.crop for one in pilot.communities for product in one.products}
    return found | {*get_args(Indicator), *MODELS}


def faults(lines, named, lang):
    """Yields (what is wrong, line) for each fault; `named` are the ids that may not stand there."""
    for line in lines:
        bare = _CODE.sub(" ", line)
        yield from ((f"id: {one}", line) for one in _NAME.findall(bare) if one in named)
        if lang == "vi":
            yield from ((f"word: {one}", line) for one in _foreign(bare))
        yield from ((f"number: {one}", line) for one in _NUMBERS[lang].findall(bare) + _LONG.findall(bare))
        yield from ((f"per cent: {one}", line) for one in _PERCENT.findall(bare))
        yield from ((f"day: {one}", line) for one in _DAYS[lang].findall(bare))


def _foreign(line):
    for word in _WORD.findall(unicodedata.normalize("NFC", line)):
        if (
            len(word) > 1
            and word.isascii()
            and word.casefold() not in _KNOWN
            and not _SYLLABLE.fullmatch(word.casefold())
        ):
            yield word
