"""GS1's resolver answers the requests of GS1's own test suite as that requires.

The suite is github.com/gs1/GS1DL-resolver-testsuite (e3485a5, June 2026), for GS1-Conformant resolver 1.2.
Run as it is under Node 20, with its helper's requests made by Node, schemas and link types (gs1/linkset
571bb7d, GS1 Web Vocabulary 1.16) from files and TLS before `hoiquan web`, all its checks pass: 31 of 31 of a
lot's link, 27 of 27 of a product's. Here its requests are made again, each under the suite's name of the
check. Left out are the parts that need the net (TLS, schemas from gs1.org), and checks of the address that is
typed in.

Digital Links: of the examples in github.com/gs1/gs1-syntax-engine (`dl.c`) that begin with a key, 74 of 76
are judged as there; the other two have a key in the stem before the link, which our links never have, or an
IPv6 address.
"""

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from devices.pilots.pilot import Pilot
from devices.web.conditional import Conditional
from tests.seen import Served
from tests.traceability.conftest import harvest, sprayed, write
from traceability.diary.rows import LotRow
from traceability.digital_link import DigitalLinkError, LotKey, read
from traceability.pages import web
from traceability.sealing.seal import Sealer

HERE = "https://example.org"
LINKSET = "application/linkset+json"
# ratified link types of GS1 Web Vocabulary 1.16, as far as we use them
RATIFIED = {"defaultLink", "pip", "traceability", "epcis"}


@pytest.fixture
def key(sealer: Sealer, pilot: Pilot) -> LotKey:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, sprayed(6, 3))
    done = write(sealer, device, harvest())
    assert done is not None
    return done.key


class Asked:
    """Sends requests as the suite does: without following redirects, accepting any media type."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def __call__(self, path: str, method: str = "GET", **headers: str) -> Response:
        return self.client.request(method, path, headers=headers, follow_redirects=False)


@pytest.fixture
def ask(tmp_path: Path, pilot: Pilot, key: LotKey) -> Iterator[Asked]:
    app = FastAPI()
    app.add_middleware(Conditional)  # as the site does
    app.include_router(web.router(tmp_path, pilot, HERE))
    with TestClient(app) as client:
        yield Asked(client)


@pytest.fixture(params=["lot", "variant, lot and serial", "product", "no such lot"])
def path(request: pytest.FixtureRequest, key: LotKey) -> str:
    """A Digital Link of each kind that is answered."""
    return {
        "lot": key.path,
        "variant, lot and serial": f"/01/{key.gtin}/22/2A/10/{key.lot}/21/12%2F34",
        "product": f"/01/{key.gtin}",
        "no such lot": f"/01/{key.gtin}/10/KL8G",
    }[request.param]


def links(answer: Response) -> dict[str, list[dict[str, Any]]]:
    """Link type without its vocabulary → targets, of the finest item that has the type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in answer.json()["linkset"]:
        assert item["itemDescription"] and item["anchor"].startswith(HERE)
        for name, targets in item.items():
            if name not in ("anchor", "itemDescription"):
                assert name.startswith("https://ref.gs1.org/voc/")
                found.setdefault(name.rpartition("/")[2], targets)
    return found


def test_methods_and_cors(ask: Asked, path: str) -> None:
    """corsCheck, methodsCheck, linkOnRedirect, legacyLinkHeaders"""
    origin = {"Origin": "https://ref.gs1.org", "Access-Control-Request-Method": "GET,HEAD,OPTIONS"}
    for answer in (ask(path, "OPTIONS", **origin), ask(path), ask(path, "HEAD")):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
        assert 'rel="linkset"' in answer.headers["link"] and 'rel="gs1:' not in answer.headers["link"]
    assert ask(path, "OPTIONS").status_code == 204 and not ask(path, "HEAD").content


def test_a_script_of_elsewhere_reads_whatever_it_is_led_to(ask: Asked, path: str, key: LotKey) -> None:
    """As in browsers, every answer on the way must allow it, also those that explain why there is nothing."""
    asked = [path, f"{path}/foo", f"{path}?linkType=gs1:nosuchlt", f"{path}?linkType=gs1:pip", "/00/1"]
    asked += [f"/s/{key.lot}", "/s/NONE", "/log/checkpoint", "/log/none", "/photos/none", "/report/none"]
    asked += [f"/labels/{key.gtin}/{key.lot}.pdf", f"/labels/{key.gtin}/NONE.pdf", "/verify.html"]
    asked += [f"{key.path}/{name}" for name in ("record.html", "record.json", "qr.svg", "later/x/proof")]
    asked += [f"/01/{key.gtin}/10/NONE/{name}" for name in ("record.html", "record.json", "proof")]
    for one in asked:
        answer = ask.client.get(one, headers={"Origin": "https://ref.gs1.org"}, follow_redirects=True)
        for step in (*answer.history, answer):
            assert step.headers.get("access-control-allow-origin") == "*", (step.url, step.status_code)


def test_errors(ask: Asked, path: str) -> None:
    """reportWith400, noErrorWith200, specificLinkTypeNotFound"""
    assert ask(f"{path}/foo").status_code == 400
    assert ask(f"{path}?linkType=gs1:nosuchlt").status_code == 404
    assert ask(f"{path}?linkType=https://example.org/pip").status_code == 404


@pytest.mark.parametrize("days", ["261101", "230501230510", "261101261115", "260901260900"])
def test_a_link_may_say_from_when_to_when_was_harvested(days: str) -> None:
    assert read("/01/09506000134352/10/A1", f"7007={days}").key == "01"


@pytest.mark.parametrize("days", ["261301", "261101261315", "26110126111", "2611012611150"])
def test_and_says_days_that_there_are(days: str) -> None:
    with pytest.raises(DigitalLinkError, match="bad_value"):
        read("/01/09506000134352/10/A1", f"7007={days}")


def test_slash_and_query(ask: Asked, path: str) -> None:
    """trailingSlash, qsPassedOn, basicWalkUp"""
    plain, slash, query = ask(path), ask(f"{path}/"), ask(f"{path}?foo=bar&x=%C6%AFu")
    assert plain.status_code == slash.status_code == query.status_code == 307
    assert plain.headers["location"] == slash.headers["location"]
    at = plain.headers["location"]
    assert query.headers["location"] == f"{at}{'&' if '?' in at else '?'}foo=bar&x=%C6%AFu"


def test_linkset(ask: Asked, path: str) -> None:
    """ltLinksetNoRedirect, ltAcceptHeader, validLinkset, linksetJsonldCheck, declaredContentType,
    linkTypesDefined
    """
    asked = ask(f"{path}?linkType=linkset"), ask(f"{path}?linkType=all"), ask(path, Accept=LINKSET)
    for answer in asked:
        assert answer.status_code == 200 and answer.headers["content-type"] == LINKSET
        assert (
            'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"' in answer.headers["link"]
        )
        assert set(links(answer)) <= RATIFIED
        for targets in links(answer).values():
            for one in targets:
                assert {"href", "title"} <= set(one) <= {"href", "title", "type", "hreflang"}
                assert re.match(r"https?://[a-zA-Z0-9./]+", one["href"])
                assert all(re.fullmatch(r"[a-z]{2}", lang) for lang in one.get("hreflang", []))
    finest = asked[0].json()["linkset"][0]["anchor"].removeprefix(HERE)
    assert path.startswith(finest)


def test_each_link(ask: Asked, path: str) -> None:
    """defaultLinkExists, singleDefaulLink, defaultTarget, and loFor… each link object"""
    told = links(ask(path, Accept=LINKSET))
    (default,) = told["defaultLink"]
    assert set(default) == {"href", "title"}
    assert ask(path).headers["location"] == default["href"]
    for name, targets in told.items():
        for prefix in ("gs1:", "https://ref.gs1.org/voc/", "https://gs1.org/voc/"):
            for one in targets:
                answer = ask(f"{path}?linkType={prefix}{name}", Accept=one.get("type", "*/*"))
                assert answer.status_code == 307
                assert answer.headers["location"].startswith(one["href"])
        assert ask(targets[0]["href"].removeprefix(HERE)).status_code == (404 if "KL8G" in path else 200)


def test_links_that_suit_alike_are_all_given(ask: Asked, key: LotKey) -> None:
    answer = ask(f"{key.path}?linkType=gs1:traceability")
    assert answer.status_code == 300 and answer.headers["content-type"] == LINKSET
    assert len(links(answer)["traceability"]) == 3
    html = ask(f"{key.path}?linkType=gs1:traceability", Accept="text/html, application/json;q=0.5")
    assert html.headers["location"].startswith(f"{HERE}{key.path}/record.html")


@pytest.mark.parametrize(
    ("accept", "end"),
    [
        ("*/*", "record.html"), ("", "record.html"), ("application/json", "record.html"),
        ("nonsense", "record.html"),
        ("application/ld+json", "epcis.json"), ("application/ld+json;q=0.5, text/plain", "epcis.json"),
        ("text/html;q=0.2, application/ld+json;q=0.9", "epcis.json"),
        ("application/ld+json;q=0, */*;q=0.1", "record.html"),
    ],
)  # fmt: skip
def test_the_form_that_is_most_welcome(ask: Asked, key: LotKey, accept: str, end: str) -> None:
    assert ask(key.path, Accept=accept).headers["location"].endswith(end)


def test_a_browser_is_shown_the_page_at_once(ask: Asked, key: LotKey) -> None:
    """At whatever address the request arrived, so that a phone in the same Wi-Fi is not sent elsewhere."""
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = ask(key.path, Accept=browser)
    assert answer.status_code == 200 and key.lot in answer.text
    assert answer.headers["content-location"] == f"{HERE}{key.path}/record.html"
    assert 'rel="linkset"' in answer.headers["link"]
    assert ask(key.path, Accept="text/html, application/ld+json;q=0").status_code == 200
    assert ask(key.path, Accept="text/html;q=0, application/ld+json").status_code == 307


def test_looking_without_fetching_is_no_opening(ask: Asked, key: LotKey) -> None:
    for _ in range(3):
        assert ask(f"{key.path}/record.html", "HEAD").status_code == 200
    assert "đã được mở 1 lần" in ask(f"{key.path}/record.html").text


@pytest.mark.parametrize("accept", ["text/html", "*/*", LINKSET])
@pytest.mark.parametrize("lot", ["./{lot}", "../../it", "/etc/it"])
def test_a_lot_s_name_is_no_path(ask: Asked, key: LotKey, tmp_path: Path, lot: str, accept: str) -> None:
    (tmp_path / "it.json").write_text("{}")
    answer = ask(f"/01/{key.gtin}/10/{quote(lot.format(lot=key.lot), safe='')}", accept=accept)
    assert answer.status_code == {"text/html": 404, "*/*": 307, LINKSET: 200}[accept]
    assert f"<{HERE}/01/{key.gtin}?linkType=linkset>" in answer.headers["link"]


def test_many_lots_of_another_product_hide_none(sealer: Sealer, ask: Asked, key: LotKey) -> None:
    newer = (
        LotRow("tam-que", f"h{n}", LotKey("02000000000046", f"N{n}"), 1_800_000_000_000, 1.0, 1.0, n, "")
        for n in range(200)
    )
    sealer._tables.note_harvests(newer)
    assert key.lot in ask(f"/01/{key.gtin}", accept="text/html").text


def test_a_page_says_no_sentence_of_a_link(ask: Asked, key: LotKey) -> None:
    said = ask(f"/01/{key.gtin}/product.html?lot=G%E1%BB%8Di%20ngay%200900000000")
    assert said.status_code == 400
    assert "0900000000" not in re.sub("<[^>]*>", "", said.text)


def test_a_number_without_end_is_no_key(ask: Asked) -> None:
    for end in ("", "/1"):
        assert ask(f"/{'9' * 5000}{end}").status_code == 404


def test_the_product_s_page_has_its_groups_and_lots(ask: Asked, key: LotKey) -> None:
    page = ask(f"/01/{key.gtin}", Accept="text/html")
    assert page.status_code == 200 and "Xoài cát Hòa Lộc" in page.text and "Hội quán Tâm Quê" in page.text
    assert f'href="{key.path}"' in page.text and "12/11/2026" in page.text
    assert "· mô phỏng" in page.text
    unknown = ask(f"/01/{key.gtin}/10/%3Cb%3E", Accept="text/html", **{"Accept-Language": "en"})
    assert unknown.status_code == 404 and "no record of a lot &#34;&lt;b&gt;&#34;" in unknown.text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/01/0200000000003", 400, "has 14 digits"),
        ("/01/02000000000030", 400, "wrong check digit"),
        ("/01/02000000000039/10", 400, "“10”|&#34;10&#34; stands alone"),
        ("/01/02000000000039/99/A", 400, r"After the key \(01\) there cannot be \(99\)"),
        ("/01/02000000000039/21/A/10/B", 400, r"only \(22\), \(10\), \(21\), \(235\), in this order"),
        ("/01/02000000000039/10/" + "A" * 21, 400, "not of the form"),
        ("/01/02000000000039/10/%C3", 400, "not of the form"),
        ("/01/02000000000039/10/A%00", 400, "not of the form"),
        ("/01/02000000000039?17=261399", 400, "not of the form"),
        ("/01/02000000000039?999=A", 400, "cannot stand behind"),
        ("/01/02000000000039?10=A", 400, "cannot stand behind"),
        ("/414/9520123456789", 400, "wrong check digit"),
        ("/99/A", 400, "no GS1 key"),
        ("/01", 400, "stands alone"),
        ("/414/9520123456788", 404, "records by product code"),
        ("/00/006141411234567890?02=09520123456788&37=25", 404, "records by product code"),
        ("/01/09506000134352", 404, "no record with this code"),
    ],
)
def test_what_is_no_link_of_ours_is_a_page_with_the_reason(
    ask: Asked, path: str, status: int, sentence: str
) -> None:
    answer = ask(path, **{"Accept-Language": "en"})
    assert answer.status_code == status and answer.headers["content-type"].startswith("text/html")
    assert re.search(sentence, answer.text), answer.text


@pytest.mark.parametrize(
    "path",
    ["/01/12312312312333/22/TEST/10/ABC/21/XYZ", "/01/12312312312333/235/TEST?10=A", "/253/1231231231232",
     "/8018/123456789012345675/8019/123", "/414/9520123456788/254/32a%2Fb",
     "/8004/9520614141234567?01=09521234543213",
     "/01/09520123456788?3103=000195&3922=0299&17=201225", "/8010/9506000ABC-1",
     "/01/09520123456788?linkType=all&singleton", "/8013/1987654Ad4X4bL5ttr2310c2K"],
)  # fmt: skip
def test_other_keys_are_understood(path: str) -> None:
    at, _, query = path.partition("?")
    assert read(at, query).key == at.split("/")[1]


@pytest.mark.parametrize("path", ["/00/006141411234567891", "/402/12345678901234561", "/255/1231231231233"])
def test_their_check_digits_are_looked_at(path: str) -> None:
    with pytest.raises(DigitalLinkError, match="bad_check"):
        read(path)


def test_files_are_not_sent_twice(ask: Asked, key: LotKey) -> None:
    files = [f"{key.path}/{name}" for name in ("record.json", "epcis.json", "proof", "qr.svg", "qr.png")]
    for path in (*files, "/log/checkpoint", "/log/vkey", "/log/tile/entries/000.p/1"):
        first = ask(path)
        tag = first.headers["etag"]
        again = ask(path, **{"If-None-Match": f'"other", W/{tag}'})
        assert first.status_code == 200 and again.status_code == 304 and not again.content
        assert again.headers["etag"] == tag
        assert ask(path, **{"If-None-Match": '"other"'}).status_code == 200
        head = ask(path, "HEAD")
        assert head.status_code == 200 and head.headers["content-length"] == str(len(first.content))


def test_the_description_file(ask: Asked) -> None:
    """rdFile: GS1's description-file-schema 1.2 wants these two"""
    told = ask("/.well-known/gs1resolver").json()
    assert told["resolverRoot"] == HERE and told["supportedPrimaryKeys"] == ["01"]
    assert told["supportedLinkType"] == [{"namespace": "https://ref.gs1.org/voc/", "prefix": "gs1:"}]


PATHS = (
    "../lot.secret", "..%2Flot.secret", "%2e%2e/lot.secret", "tile/../checkpoint", "tile/0/../0/000.p/1",
    "tile//0/000.p/1", "/checkpoint", "checkpoint/", "tile/0/000.p/1%00", "tile/0/%00", "%63heckpoint",
    "tile/0/000%2Ep/1", "tile%2F0/000.p/1", "tile/0/000.p%5C1", "tile/0/.000.tmp", "tile/0/0", "tile/99/000",
    "tile/0", "tile/0/000.p", "tile/0/000.p/", "tile/entries/000.p/9", "", "vkey%0a", "tile/0/000.p/1%0A",
    ".checkpoint.next", "lock",
)  # fmt: skip


def test_what_is_none_of_the_logs_names_is_404_and_nobody_keeps_it(ask: Asked) -> None:
    """The paths are sent as they are; most HTTP clients would normalise them first."""
    with Served(ask.client.app) as address:  # type: ignore[arg-type]
        site = HTTPConnection(urlsplit(address).netloc, timeout=30)

        def answer(path: str) -> tuple[int, bytes, str | None]:
            site.request("GET", f"/log/{path}")
            got = site.getresponse()
            return got.status, got.read(), got.headers["Cache-Control"]

        for name in ("tile/0/000.p/1", "tile/entries/000.p/1", "checkpoint", "vkey"):
            assert answer(name)[0] == 200
        for path in PATHS:
            assert answer(path) == (404, b"", "no-store"), path
        site.close()
