"""What others issue to a community, and what a record rests on: the section `records` of a pilot file.

Certificates (VietGAP, VietGAHP, GlobalGAP, OCOP, organic, ISO, GMP), planting-area codes (mã số vùng trồng)
and packing-house codes (mã số cơ sở đóng gói) each have a number, an issuer and a validity. Invented ones say
`fictional: true`. Codes are misused and stolen, so each also names its market, and a planting area names the
most kilograms a year that can come from it.
"""

from collections.abc import Mapping, Set
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from devices.contract.diary import Code
from devices.contract.topics import Id
from devices.pilots.places import Day
from devices.pilots.written import Written
from devices.texts import Misuse

Market = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Line = Annotated[str, Field(min_length=1, max_length=120)]


class _Issued(Written):
    """Something issued to one community for a time; the first and the last day belong to it."""

    community: Id
    issuer: Line
    valid_from: Day
    valid_until: Day
    fictional: bool = False
    source: str | None = None
    assumption: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "_Issued":
        if self.valid_until < self.valid_from:
            raise Misuse("pilot.validity", first=str(self.valid_from), last=str(self.valid_until))
        return self

    def valid(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_until


class Certificate(_Issued):
    """A certificate for some crops of a community; `stars` are OCOP's, 3 to 5."""

    scheme: Literal["vietgap", "vietgahp", "globalgap", "ocop", "organic", "iso", "gmp"]
    number: Line
    crops: tuple[Id, ...] = Field(min_length=1)
    stars: Annotated[int, Field(ge=3, le=5)] | None = None

    @model_validator(mode="after")
    def _stars(self) -> "Certificate":
        if (self.stars is not None) != (self.scheme == "ocop"):
            raise Misuse("pilot.stars")
        return self


class PlantingArea(_Issued):
    """A planting-area code: one crop of a community for one `market` (ISO 3166 alpha-2, or EU).
    `yield_kg`: the most that `area_ha` gives in a calendar year.
    """

    code: Code
    crop: Id
    market: Market
    area_ha: float = Field(gt=0)
    yield_kg: float = Field(gt=0)


class PackingHouse(_Issued):
    """A packing-house code: where some crops of a community are packed for one `market`."""

    code: Code
    crops: tuple[Id, ...] = Field(min_length=1)
    market: Market


class Records(Written):
    """What the sealed records of this pilot rest on. Conditions with a coverage below `min_coverage` do not
    count as sensed.
    """

    min_coverage: float = Field(default=0.5, ge=0, le=1)
    certificates: tuple[Certificate, ...] = ()
    planting_areas: tuple[PlantingArea, ...] = ()
    packing_houses: tuple[PackingHouse, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> "Records":
        for name, issued in (
            ("planting_areas", self.planting_areas),
            ("packing_houses", self.packing_houses),
        ):
            codes = [one.code for one in issued]
            for code in codes:
                if codes.count(code) > 1:
                    raise Misuse("pilot.code_twice", where=name, code=code)
        return self

    def check(self, grown: Mapping[str, Set[str]]) -> None:
        """Raise Misuse for something issued for a crop not grown there. `grown`: crops by community."""
        issued = [(f"certificates.{c.number}", c.community, c.crops) for c in self.certificates]
        issued += [(f"planting_areas.{a.code}", a.community, (a.crop,)) for a in self.planting_areas]
        issued += [(f"packing_houses.{h.code}", h.community, h.crops) for h in self.packing_houses]
        for where, community, crops in issued:
            if foreign := set(crops) - grown.get(community, set()):
                raise Misuse(
                    "pilot.not_grown", where=where, community=community, crops=", ".join(sorted(foreign))
                )

    def certificates_of(self, community: str, crop: str, day: date) -> tuple[Certificate, ...]:
        """The certificates that are valid for this crop of the community on `day`."""
        return tuple(
            c for c in self.certificates if c.community == community and crop in c.crops and c.valid(day)
        )

    def area(self, code: str) -> PlantingArea | None:
        return next((area for area in self.planting_areas if area.code == code), None)

    def house(self, code: str) -> PackingHouse | None:
        return next((house for house in self.packing_houses if house.code == code), None)

    def area_of(self, community: str, crop: str, day: date) -> PlantingArea | None:
        """The community's own code for this crop that is valid on `day`."""
        return next(
            (a for a in self.planting_areas if (a.community, a.crop) == (community, crop) and a.valid(day)),
            None,
        )
