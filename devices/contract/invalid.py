"""Puts pydantic's errors in what a person wrote (a pilot, a scenario, a probe file, a setting) into
sentences: the catalogue's group `invalid` has one for each type of error that occurs there.
"""

from typing import cast

from pydantic_core import ErrorDetails

from devices.texts import Mendable, Misuse, catalogue, spelt

# pattern → an example of it, for people who cannot read patterns
EXAMPLES = {
    r"^[a-z0-9-]{1,64}$": "tam-que",
    r"^[a-z0-9-]{1,40}$": "tam-que",
    r"^[a-z0-9-]{0,64}$": "nhom-1",
    r"^[a-z][a-z0-9_]{0,31}$": "height",
    r"^[^\s#]+$": "acme/+/up",
    r"^\d{14}$": "02000000000015",
    r"^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$": "11-25",
    r"^\d\d-\d\d$": "11-30",
    r"^[A-Z0-9.-]{3,40}$": "VN-DTOR-0045",
    r"^[A-Z]{2}$": "CN",
    r"^(Z|[+-]\d\d:\d\d)$": "+07:00",
    r"^BC-[A-ZĐ&.-]{1,20}$": "BC-SKHCN",
    r"^https?://[a-z0-9-]+(\.[a-z0-9-]+)+$": "https://hoiquan.example",
}
# pydantic's types of error that share a sentence → its key
_ALIKE = {
    "tuple_type": "list", "list_type": "list", "model_type": "fields", "model_attributes_type": "fields",
    "dict_type": "fields", "string_type": "text", "string_too_short": "short", "too_short": "few",
    "string_too_long": "long", "too_long": "many", "string_pattern_mismatch": "pattern",
    "extra_forbidden": "extra", "finite_number": "float",
}  # fmt: skip


def why(error: ErrorDetails) -> Mendable | str:
    """What is wrong and what would be right, for one of pydantic's errors: our own sentence if one of our
    models found the error, else the catalogue's; pydantic's English if there is none.
    """
    context = error.get("ctx", {})
    if isinstance(context.get("error"), Mendable):
        return cast("Mendable", context["error"])
    kind = error["type"]
    kind = next((one for one in ("date", "int", "float", "bool") if kind.startswith(f"{one}_")), kind)
    key, blanks = f"invalid.{_ALIKE.get(kind, kind)}", dict(context)
    if kind == "string_pattern_mismatch" and context["pattern"] in EXAMPLES:
        key, blanks["example"] = "invalid.pattern_such_as", EXAMPLES[context["pattern"]]
    if key in catalogue():  # numbers as the file writes them, whatever the language
        return Misuse(key, **{name: _bound(one) for name, one in blanks.items()})
    message = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _bound(one: object) -> str:
    return spelt(one) if isinstance(one, float) else str(one).replace(" or ", ", ")
