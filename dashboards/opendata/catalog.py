"""The catalogue of the open data by DCAT-AP 3, for portals that harvest it: ckanext-dcat and others.

DATASETS ─► catalogue (nodes) ─► rdf.py ─► /api/v1/catalog in the requested form
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi import Path as FromPath

from dashboards.figures import Figures
from dashboards.opendata import rdf
from dashboards.opendata.answer import LICENCE, OPEN
from dashboards.opendata.rdf import Node, Ref, Text
from devices.contract.signals import SIGNALS
from devices.texts import LANGS, text

EU = "http://publications.europa.eu/resource/authority"
IANA = "https://www.iana.org/assignments/media-types"
SENSORTHINGS = "http://www.opengis.net/doc/is/sensorthings/1.1"
LANGUAGES = {"vi": "VIE", "en": "ENG"}
ROOT = "/api/v1/catalog"


class Form(NamedTuple):
    """How a distribution is written: the EU's name of the file type, and IANA's of the medium."""

    eu: str
    iana: str


FORMS = {
    "csv": Form("CSV", "text/csv"),
    "json": Form("JSON", "application/json"),
    "geojson": Form("GEOJSON", "application/geo+json"),
    "sensorthings": Form("JSON", "application/json"),
}


class Dataset(NamedTuple):
    """One dataset. `files`: form, or form-signal → path. `theme` is from the EU's list. `words` are keywords
    without commas, as ckanext-dcat would split them there.
    """

    id: str
    theme: str
    often: str
    words: tuple[str, ...]
    files: dict[str, str]


SHOWN = ("salinity", "water_level", "soil_moisture", "air_temperature", "rainfall")  # with a file each
DATASETS = (
    Dataset(
        "indicators", "GOVE", "DAILY", ("chỉ tiêu", "làng thông minh", "IoT", "truy xuất nguồn gốc"),
        {"csv": "/api/v1/indicators.csv", "json": "/api/v1/indicators"},
    ),
    Dataset(
        "communities", "AGRI", "IRREG", ("hội quán", "hợp tác xã", "làng thông minh"),
        {
            "csv": "/api/v1/communities.csv",
            "json": "/api/v1/communities",
            "geojson": "/api/v1/places.geojson",
        },
    ),
    Dataset(
        "devices", "ENVI", "CONT", ("cảm biến", "IoT", "trạm đo"),
        {"csv": "/api/v1/devices.csv", "json": "/api/v1/devices", "geojson": "/api/v1/devices.geojson"},
    ),
    Dataset(
        "observations", "ENVI", "HOURLY", ("độ mặn", "mực nước", "độ ẩm đất", "thời tiết", "sâu rầy"),
        {"sensorthings": "/sta/v1.1", **{f"csv-{one}": f"/api/v1/series/{one}.csv" for one in SHOWN}},
    ),
    Dataset(
        "lots", "AGRI", "CONT", ("truy xuất nguồn gốc", "GTIN", "thu hoạch"),
        {"csv": "/api/v1/lots.csv", "json": "/api/v1/lots"},
    ),
)  # fmt: skip
Writer = Callable[[Sequence[Node]], str]
Ending = Annotated[
    Literal["jsonld", "ttl", "rdf"], FromPath(description="form of the file: JSON-LD, Turtle or RDF/XML")
]
WRITERS: dict[str, tuple[str, Writer]] = {  # ending → medium, writer; the first is the default
    "jsonld": ("application/ld+json", rdf.json_ld),
    "ttl": ("text/turtle", rdf.turtle),
    "rdf": ("application/rdf+xml", rdf.rdf_xml),
}


def router(figures: Figures) -> APIRouter:
    """The catalogue, in the form that `Accept` or the path's ending asks for."""
    routes = APIRouter(tags=["open data, catalogue"])
    content: dict[str, dict[str, object]] = {medium: {} for medium, _ in WRITERS.values()}
    responses: dict[int | str, dict[str, Any]] = {200: {"content": content}}

    @routes.get(ROOT, summary="Catalogue of the open data", responses=responses, response_class=Response)
    def catalog(request: Request) -> Response:
        """The catalogue by DCAT-AP 3, as JSON-LD, Turtle or RDF/XML: the form that `Accept` asks for."""
        return _written(request, figures, _ending(request.headers.get("accept", "")))

    @routes.get(
        f"{ROOT}.{{ending}}",
        summary="Catalogue of the open data in a given form",
        responses=responses,
        response_class=Response,
    )
    def catalog_as(request: Request, ending: Ending) -> Response:
        """The catalogue by DCAT-AP 3, in the form that the path's ending names."""
        return _written(request, figures, ending)

    return routes


def _ending(accept: str) -> str:
    """The ending of the first form in an `Accept` header that the catalogue has, else of the default."""
    for one in accept.split(","):
        for ending, (medium, _) in WRITERS.items():
            if one.partition(";")[0].strip() == medium:
                return ending
    return next(iter(WRITERS))


def _written(request: Request, figures: Figures, ending: str) -> Response:
    medium, write = WRITERS[ending]
    body = write(catalogue(figures, str(request.base_url).rstrip("/")))
    return Response(body, media_type=f"{medium}; charset=utf-8", headers=OPEN | {"Vary": "Accept"})


def catalogue(figures: Figures, site: str) -> list[Node]:
    """The nodes of the pages at `site`: catalogue, publisher, datasets and their distributions."""
    own = f"{site}{ROOT}"
    publisher, name = Ref(f"{own}#publisher"), figures.pilot.name
    about = [("dct:publisher", publisher), ("dct:language", Ref(f"{EU}/language/VIE"))]
    nodes = [
        Node(
            own,
            ("dcat:Catalog",),
            (
                *_texts("dct:title", "catalogue", name=name.vi),
                *_described(figures, "catalogue_about"),
                *about,
                ("dct:license", Ref(LICENCE["url"])),
                ("foaf:homepage", Ref(f"{site}/")),
                *(("dcat:dataset", Ref(f"{own}#{one.id}")) for one in DATASETS),
                ("dcat:service", Ref(f"{own}#sensorthings")),
            ),
        ),
        Node(
            publisher.address,
            ("foaf:Agent", "foaf:Organization"),
            (("foaf:name", Text(f"hoiquan, {name.vi}")), ("foaf:homepage", Ref(f"{site}/"))),
        ),
    ]
    for one in DATASETS:
        nodes += _dataset(figures, one, site, about)
    service: tuple[tuple[str, Ref | Text], ...] = (
        *_texts("dct:title", "observations"),
        ("dcat:endpointURL", Ref(f"{site}/sta/v1.1")),
        ("dcat:servesDataset", Ref(f"{own}#observations")),
        ("dct:conformsTo", Ref(SENSORTHINGS)),
        ("dct:license", Ref(LICENCE["url"])),
        ("dct:publisher", publisher),
    )
    # ckanext-dcat shows a file type by its label, and only if the type is declared a dct:IMT
    kinds = sorted({form.eu for form in FORMS.values()})
    types = [Node(f"{EU}/file-type/{one}", ("dct:IMT",), (("rdfs:label", Text(one)),)) for one in kinds]
    return [*nodes, Node(f"{own}#sensorthings", ("dcat:DataService",), service), *types]


def _dataset(
    figures: Figures, one: Dataset, site: str, about: Sequence[tuple[str, Ref | Text]]
) -> Iterator[Node]:
    own = f"{site}{ROOT}#{one.id}"
    yield Node(
        own,
        ("dcat:Dataset",),
        (
            *_texts("dct:title", one.id),
            *_described(figures, f"{one.id}_about"),
            ("dct:identifier", Text(own)),
            *about,
            *(("dcat:keyword", Text(word, "vi")) for word in one.words),
            ("dcat:theme", Ref(f"{EU}/data-theme/{one.theme}")),
            ("dct:accrualPeriodicity", Ref(f"{EU}/frequency/{one.often}")),
            ("dct:accessRights", Ref(f"{EU}/access-right/PUBLIC")),
            ("dct:spatial", Ref(f"{EU}/country/VNM")),
            *(("dcat:distribution", Ref(f"{own}-{form}")) for form in one.files),
        ),
    )
    for key, path in one.files.items():
        form, _, signal = key.partition("-")
        written = FORMS[form]
        whole = form in ("csv", "geojson")
        yield Node(
            f"{own}-{key}",
            ("dcat:Distribution",),
            (
                *(
                    (name, Text(f"{value.text} ({_name(form, signal, value.lang)})", value.lang))
                    for name, value in _texts("dct:title", one.id)
                ),
                ("dcat:accessURL", Ref(f"{site}{path}")),
                *([("dcat:downloadURL", Ref(f"{site}{path}"))] if whole else []),
                ("dcat:mediaType", Ref(f"{IANA}/{written.iana}")),
                ("dct:format", Ref(f"{EU}/file-type/{written.eu}")),
                ("dct:license", Ref(LICENCE["url"])),
                *([("dct:conformsTo", Ref(SENSORTHINGS))] if form == "sensorthings" else []),
            ),
        )


def _name(form: str, signal: str, lang: str) -> str:
    name = "OGC SensorThings API" if form == "sensorthings" else FORMS[form].eu
    return f"{SIGNALS[signal].name(lang)}, {name}" if signal else name


def _texts(key: str, sentence: str, **values: object) -> Iterator[tuple[str, Text]]:
    for lang in LANGS:
        yield key, Text(text(f"opendata.{sentence}", lang, **values), lang)


def _described(figures: Figures, sentence: str) -> Iterator[tuple[str, Text]]:
    """A description in each language; for a rehearsal it begins with a warning."""
    for (key, description), lang in zip(_texts("dct:description", sentence), LANGS, strict=True):
        if figures.rehearsal is None:
            yield key, description
        else:
            warning = text("opendata.rehearsed", lang, name=figures.rehearsal.get(lang))
            yield key, Text(f"{warning} {description.text}", lang)
