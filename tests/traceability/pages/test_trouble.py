"""Whoever finds no record reads why, in their language, and where to go on; a label's code finds its lot."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient

from devices.pilots.pilot import Pilot
from tests.traceability.conftest import buyer, harvest, write
from traceability.digital_link import LotKey
from traceability.sealing.seal import Sealer


@pytest.fixture
def key(sealer: Sealer, pilot: Pilot) -> LotKey:
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    assert done is not None
    return done.key


@pytest.fixture
def client(tmp_path: Path, pilot: Pilot, key: LotKey) -> Iterator[TestClient]:
    with buyer(tmp_path, pilot) as made:
        yield made


def test_a_typed_code_finds_its_lot(client: TestClient, key: LotKey) -> None:
    for typed in (key.lot, key.lot.lower()):
        found = client.get(f"/s/{typed}", follow_redirects=False)
        assert found.status_code == 303 and found.headers["location"] == key.path
        found = client.get("/s", params={"lot": f" {typed} "}, follow_redirects=False)
        assert found.status_code == 303 and found.headers["location"] == key.path
    for wrong in ("TQ261112-AAAAAAAA", "..", "x" * 200, "%00", "*"):
        assert client.get(f"/s/{wrong}").status_code == 404
        assert client.get(f"/s?lot={wrong}").status_code == 404
    assert client.get("/s").status_code == 200
    page = client.get("/s/danger%20to%20life!").text
    assert "danger" not in re.sub("<[^>]*>", "", page), "a link puts no text on the page"


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_whoever_finds_nothing_is_led_on(client: TestClient, key: LotKey, lang: str) -> None:
    asked = {
        "/01/1/10/X": "/s", "/01/02000000009995": "/s", "/00/1": "/s", "/report/none": "/verify.html",
        f"/01/{key.gtin}/10/NONE": "/s", f"/01/{key.gtin}/10/x_y/record.html": f"/01/{key.gtin}",
        f"{key.path}?linkType=gs1:nosuchlt": key.path, f"/labels/{key.gtin}/NONE.pdf": "/s",
        f"/01/{key.gtin}/product.html?lot=%20": f"/01/{key.gtin}", "/scan/en/01/1/10/X": "/s",
    }  # fmt: skip
    for path, onward in asked.items():
        answer = client.get(path, headers={"accept-language": lang, "accept": "text/html"})
        links = re.findall(r'<a href="([^"]*)"', unescape(answer.text))
        assert 400 <= answer.status_code < 500 and onward in links and "/s" in links, path
        for link in links:
            chosen = link.startswith(("/language/", "/scan/"))
            assert chosen or client.get(link).status_code == 200, (path, link)


def test_a_page_of_trouble_leads_to_itself_in_the_other_language(client: TestClient, key: LotKey) -> None:
    asked = f"{key.path}?linkType=gs1:nosuchlt"
    for path in ("/01/1/10/X", "/s", "/00/%C3%A1", "/scan/vi/01/1/10/X", asked):
        page = client.get(path, headers={"accept": "text/html"}).text
        (link,) = re.findall(r'href="/language/en\?to=([^"]*)"', page)
        assert unquote(unescape(link)) == path.removeprefix("/scan/vi")
