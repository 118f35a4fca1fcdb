"""GS1's resolver (GS1-Conformant resolver 1.2): where each Digital Link leads, and its other links.

    /01/{gtin}/22/…/10/{lot}/21/… ─► read ─► the most specific that exists: lot, else product ─► its links
        ?linkType=linkset, or linkset preferred in Accept ─► all of them (RFC 9264)
        ?linkType=gs1:… ─► the one of this type that suits Accept; several equally good: 300
        else ─► the default: the page of the lot or product

A request that accepts a page, as browsers do, gets the page instead of a redirect: this saves phones a round
trip, and the page works under whatever address the phone used. A lot that does not exist leads to its
product, whose page says so.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import mimeparse
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.convertors import StringConvertor, register_url_convertor

from devices.pilots.pilot import Pilot
from devices.texts import LANGS, text
from devices.web.frame import headers
from devices.web.language import VARY, language
from traceability.digital_link import GTIN, LOT, LOT_KEY, VARIANT, DigitalLinkError, Link, LotKey, read
from traceability.pages.frame import trouble
from traceability.pages.shared import METHODS, Shared

VOCABULARY = "https://ref.gs1.org/voc/"
PREFIXES = ("gs1:", VOCABULARY, "https://gs1.org/voc/", "https://www.gs1.org/voc/")
CONTEXT = "https://ref.gs1.org/standards/resolver/linkset-context"  # the JSON-LD context of a linkset
LINKSET, EPCIS, HTML = "application/linkset+json", "application/ld+json", "text/html"
LOT_PAGE, PRODUCT_PAGE = "record.html", "product.html"


@dataclass(frozen=True, slots=True)
class Target:
    """One link of a linkset; `kind` is its media type, empty for the default link."""

    href: str
    title: str
    kind: str = ""
    langs: Sequence[str] = ()

    def target_object(self) -> dict[str, Any]:
        """The link as a target object of RFC 9264."""
        more = {"type": self.kind} if self.kind else {}
        return {
            "href": self.href,
            "title": self.title,
            **more,
            **({"hreflang": list(self.langs)} if self.langs else {}),
        }


@dataclass(frozen=True, slots=True)
class Item:
    """A product or one of its lots, and its links by their type."""

    anchor: str
    description: str
    links: Mapping[str, Sequence[Target]]
    key: LotKey | None = None  # only for a lot

    def context_object(self) -> dict[str, Any]:
        """The item as a link context object of RFC 9264."""
        links = {
            VOCABULARY + name: [one.target_object() for one in targets]
            for name, targets in self.links.items()
        }
        return {"anchor": self.anchor, "itemDescription": self.description, **links}


class Key(StringConvertor):
    """The path parameter of a GS1 key. Starlette's `int` fails on the longest numbers."""

    regex = "[0-9]{1,20}"


register_url_convertor("gs1_key", Key())

# (request, lot, GTIN, code of a requested lot that does not exist) → the page of the lot, or of the product
ShowPage = Callable[[Request, LotKey | None, str, str], Awaitable[Response]]


def router(pilot: Pilot, base_url: str, sealed: Callable[[LotKey], bool], show_page: ShowPage) -> APIRouter:
    """Routes for every path that begins like a Digital Link; `sealed` tells whether a lot exists.

    Add page routes under the same paths before these.
    """
    routes = APIRouter(route_class=Shared, include_in_schema=False)

    def items_of(link: Link, lang: str) -> list[Item]:
        """The items that a link identifies, the most specific first."""
        gtin, lot = link.value, link.qualifiers.get(LOT_KEY)
        sold = pilot.product_of(gtin)
        name = None if sold is None else sold.name.get(lang)
        # GS1 allows a lot called ../.. too; only a code in the form of our lots is used as a file name
        exists = lot is not None and LOT.fullmatch(lot) is not None and sealed(LotKey(gtin, lot))
        items = [] if name is None else [product(base_url, gtin, name, "" if exists else lot or "")]
        if lot is not None and exists:
            items.insert(0, of_lot(base_url, link, LotKey(gtin, lot), name or gtin, lang))
        return items

    @routes.api_route("/{key:gs1_key}", methods=list(METHODS))
    @routes.api_route("/{key:gs1_key}/{rest:path}", methods=list(METHODS))
    async def resolve(request: Request) -> Response:
        """Answer a Digital Link."""
        lang = language(request)
        try:
            link = read(request.scope["raw_path"].decode("ascii", "replace"), request.url.query)
        except DigitalLinkError as error:
            return _complete(trouble(request, error.reason, 400, **error.values))
        if link.key != GTIN:
            return _complete(trouble(request, "other_key", 404, name=link.key))
        if not (items := items_of(link, lang)):
            return _complete(trouble(request, "unknown_lot", 404))
        if _for_a_person(request):
            key = items[0].key
            unknown = "" if key is not None else link.qualifiers.get(LOT_KEY, "")
            answer = await show_page(request, key, link.value, unknown)
            answer.headers["Content-Location"] = items[0].links["defaultLink"][0].href
        else:
            answer = _answer(request, items, lang)
        return _complete(answer, items[0].anchor)

    @routes.api_route("/.well-known/gs1resolver", methods=list(METHODS))
    def description() -> Response:
        """The resolver's description file."""
        content = {
            "name": f"hoiquan {pilot.name.vi}", "resolverRoot": base_url, "supportedPrimaryKeys": [GTIN],
            "supportedLinkType": [{"namespace": VOCABULARY, "prefix": "gs1:"}],
            "linkTypeDefaultCanBeLinkset": False, "jsonLdContextLocation": CONTEXT,
        }  # fmt: skip
        return _complete(JSONResponse(content))

    return routes


def of_lot(base_url: str, link: Link, key: LotKey, name: str, lang: str) -> Item:
    """A lot's links. Its anchor repeats the qualifiers of `link` up to the lot, including a variant."""
    variant = "".join(
        f"/{one}/{quote(value, safe='')}" for one, value in link.qualifiers.items() if one == VARIANT
    )
    page, record, epcis, proof = (
        f"{base_url}{key.path}/{name}" for name in (LOT_PAGE, "record.json", "epcis.json", "proof")
    )
    title = text("page.title", lang)
    page_link = Target(page, title, HTML, LANGS)
    links = {
        "defaultLink": [Target(page, title)],
        "pip": [page_link],
        "traceability": [
            page_link,
            Target(record, text("page.download_record", lang), "application/json"),
            Target(proof, text("page.download_proof", lang), "text/plain"),
        ],
        "epcis": [Target(epcis, "EPCIS 2.0", EPCIS)],
    }
    anchor = f"{base_url}/{GTIN}/{key.gtin}{variant}/{LOT_KEY}/{key.lot}"
    return Item(anchor, f"{name}, {text('page.lot', lang)} {key.lot}", links, key)


def product(base_url: str, gtin: str, name: str, unknown: str) -> Item:
    """A product's links; `unknown` is a requested lot that does not exist, which its page mentions."""
    anchor = f"{base_url}/{GTIN}/{gtin}"
    page = f"{anchor}/{PRODUCT_PAGE}" + (f"?lot={quote(unknown, safe='')}" if unknown else "")
    return Item(anchor, name, {"defaultLink": [Target(page, name)], "pip": [Target(page, name, HTML, LANGS)]})


def _for_a_person(request: Request) -> bool:
    """Whether the request names HTML in Accept and wants it at least as much as EPCIS and linkset."""
    accept = request.headers.get("accept", "")
    if request.method == "OPTIONS" or HTML not in accept or "linkType" in request.query_params:
        return False
    return quality(accept, HTML) > 0 and quality(accept, HTML) >= max(
        quality(accept, one) for one in (EPCIS, LINKSET)
    )


def _answer(request: Request, items: Sequence[Item], lang: str) -> Response:
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
    link_type, accept = request.query_params.get("linkType"), request.headers.get("accept", "")
    welcome = {kind: quality(accept, kind) for kind in (HTML, EPCIS, LINKSET)}
    if link_type in ("linkset", "all") or (welcome[LINKSET] > welcome[HTML] and link_type is None):
        return _linkset(items, 200)
    if link_type is None:
        epcis = welcome[EPCIS] > welcome[HTML] and "epcis" in items[0].links
        targets = items[0].links["epcis" if epcis else "defaultLink"]
    else:
        name = next((link_type.removeprefix(one) for one in PREFIXES if link_type.startswith(one)), "")
        item = next((one for one in items if name in one.links), None)
        if item is None:
            return trouble(request, "no_link_type", 404, kind=link_type)
        targets = item.links[name]
        best = max(quality(accept, one.kind) for one in targets)
        targets = [one for one in targets if quality(accept, one.kind) == best]
        if len(targets) > 1:
            return _linkset([Item(item.anchor, item.description, {name: targets})], 300)
    return RedirectResponse(_passed_on(targets[0].href, request.url.query), 307)


def _linkset(items: Sequence[Item], status: int) -> Response:
    return JSONResponse({"linkset": [item.context_object() for item in items]}, status, media_type=LINKSET)


def _passed_on(href: str, query: str) -> str:
    """`href` with the request's query string added unchanged."""
    return f"{href}{'&' if '?' in href else '?'}{query}" if query else href


def quality(accept: str, kind: str) -> float:
    """How welcome a media type is, 0 to 1 (RFC 9110, 12.5.1).

    An empty or malformed Accept welcomes everything, and so is a link without a type.
    """
    if not accept or not kind:
        return 1.0
    try:
        return float(mimeparse.quality(kind, accept))
    except (mimeparse.MimeTypeParseException, ValueError):
        return 1.0


def _complete(response: Response, anchor: str = "") -> Response:
    """Add the headers of every resolver answer, and the address of the linkset."""
    response.headers.update(headers(vary=("Accept", *VARY)))
    if anchor:
        links = [f'<{anchor}?linkType=linkset>; rel="linkset"; type="{LINKSET}"']
        if response.headers.get("content-type", "").startswith(LINKSET):
            links.append(f'<{CONTEXT}>; rel="http://www.w3.org/ns/json-ld#context"; type="{EPCIS}"')
        response.headers["Link"] = ", ".join(links)
    return response
