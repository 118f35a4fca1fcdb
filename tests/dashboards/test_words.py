"""Every page, report, message, label and board of the four pilots, checked as people read them."""

import re
from datetime import UTC, datetime

import pytest
import yaml
from fastapi.testclient import TestClient

from dashboards import figures as shown
from dashboards.boards import style
from dashboards.boards.alarms import rules as alarms
from dashboards.boards.build import BOARDS
from dashboards.pages.check import Verdict
from dashboards.report.compose import compose
from dashboards.report.plain import markdown
from dashboards.report.yearly import look_back
from dashboards.site import site
from devices.access.registry import Registry
from devices.pilots.names import alphabetical
from devices.pilots.pilot import load
from devices.probes.shelf import Shelf
from devices.settings import Settings
from devices.texts import LANGS
from gateway.control.alarms.message import Words
from gateway.control.alarms.rules import rules
from gateway.control.alarms.states import Alarm, Key, Notice
from gateway.control.rules import advise, points
from gateway.indicators.count import evaluate
from gateway.preview import judged
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.filled import simulated
from tests.dashboards.walked import cells, faults, ids, visible
from traceability.pages import label, web
from traceability.sealing import seal
from traceability.secretary import form

NOW = int(datetime(2026, 11, 28, 5, 20, tzinfo=UTC).timestamp() * 1000)
PILOTS = ("dong-thap", "quang-ngai", "quang-tri", "binh-duong")
HARVESTED_NOTHING = ("quang-ngai", "quang-tri")  # in these days of November
MESSAGES = (
    '{"values":{"soil_moisture":31.5}}', '{"values":{"soil_moisture":"31,5","nothing":1}}', "{",
    '{"values":null}', '{"ts":"2026-11-21","values":{"soil_moisture":131.5}}',
)  # fmt: skip


ANNOTATIONS = ("summary", "place", "description", "calm", "lost")


class Walk:
    """A pilot's store, its pages, and its sealed lots."""

    def __init__(self, name, folder):
        self.pilot, self.folder = load(name), folder
        self.store = SqliteStore(folder / "store.sqlite")
        simulated(self.store, self.pilot, folder, NOW, days=8)
        self._worse()
        self.registry = Registry(folder / "registry.sqlite", self.pilot)
        self.grower = next(iter(self.pilot.producers))
        self.password = self.registry.enroll(self.grower, "diary", "thu-ky")
        self.figures = shown.Figures(
            self.store, self.pilot, lambda n, of="": seal.lots(folder / "trace", n, of),
            lambda at: evaluate(self.store, self.pilot, self.pilot.fleet.values(), at), now=lambda: NOW,
            roster=self.registry.devices, recalls=lambda n, of="": seal.recalls(folder / "trace", n, of),
        )  # fmt: skip
        shelf = Shelf(folder / "probes")
        settings = Settings(data=folder, base_url="http://testserver")
        others = (
            web.router(folder / "trace", self.pilot, "http://testserver"),
            form.router(folder / "trace", self.pilot, self.registry, lambda *_: None, secure=False),
        )
        self.app = site(
            settings, self.figures, lambda *of: Verdict(*judged(self.registry, shelf, *of)), others
        )
        self.lots = seal.lots(folder / "trace", 100)

    def _worse(self):
        """Add a flagged value, and the advice that the rules give."""
        device = next(one for one in self.pilot.fleet.values() if one.model == "soil-probe")
        where = (*device_tags(device), ("signal", "soil_moisture"), ("reason", "gross_range"))
        self.store.write(
            [Point("telemetry_flagged", tuple(sorted(where)), {"value": 1234.5, "flag": 4}, NOW - 1)]
        )
        self.store.write(points(self.store, self.pilot, advise(self.store, self.pilot, NOW), NOW))

    def pages(self, lang):
        """(address, lines that people read) of each page."""
        with TestClient(self.app, headers={"Accept-Language": lang}) as client:
            for address in self._addresses():
                answer = client.get(address)
                if answer.headers["content-type"].startswith("text/html"):
                    yield address, visible(answer.text, lang)
            for message in MESSAGES:
                for page in ("/check", "/learn"):
                    answer = client.post(page, data={"payload": message, "model": "soil-probe"})
                    yield f"{page} {message}", [_ours(line, message) for line in visible(answer.text, lang)]
            client.post("/diary/sign-in", data={"device": "thu-ky", "password": self.password})
            for kind in ("", *(f"/{one}" for one in form.FORMS)):
                yield f"/diary{kind}", visible(client.get(f"/diary{kind}").text, lang)
                if kind:
                    yield f"/diary{kind} sent", visible(client.post(f"/diary{kind}", data={}).text, lang)

    def _addresses(self):
        yield from (
            "/",
            "/?live=1",
            "/?q=không",
            "/place/none",
            "/check",
            "/learn",
            "/verify.html",
            "/diary",
        )
        yield from (f"/place/{place.id}" for place in self.pilot.places)
        yield from (
            "/s",
            "/s/NONE",
            "/s/*",
            "/none",
            "/report/none",
            "/01/1/10/X",
            "/01/02000000000015/10/NONE",
            "/01/02000000000015/10/%20",
        )
        yield from (f"/01/{lot['gtin']}/10/{lot['lot']}" for lot in self.lots[:12] if not lot["refused"])


def _ours(line, message):
    """The line without the names and values of the message that was sent."""
    for word in re.findall(r"[a-z_]{2,}", message):
        line = re.sub(rf"(?:values\.)?\b{word}\b(?: = \S+$|:)?", " ", line)
    return line


@pytest.fixture(scope="module", params=PILOTS)
def walk(request, tmp_path_factory):
    made = Walk(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.store.close()


def wrong(texts, pilot, lang):
    """Where → what is wrong there."""
    found, named = {}, ids(pilot, lang)
    for where, lines in texts:
        for what, line in faults(lines, named, lang):
            found.setdefault(what, f"{where}: {line[:160]}")
    return found


@pytest.mark.parametrize("lang", LANGS)
def test_pages(walk, lang):
    pages = dict(walk.pages(lang))
    records = sum(address.startswith("/01/") for address in pages)
    assert len(pages) > 40 and (records > 3 or walk.pilot.pilot in HARVESTED_NOTHING)
    assert wrong(pages.items(), walk.pilot, lang) == {}


@pytest.mark.parametrize("lang", LANGS)
def test_names_are_in_vietnamese_order(walk, lang):
    with TestClient(walk.app, headers={"Accept-Language": lang}) as client:
        page = client.get("/").text
    marked = re.findall(r'data-order="names">(.*?)</(?:ul|span|small)>', page, re.S)
    assert marked
    for one in marked:
        names = re.findall(r'href="/place/[^"]+">(?:<b>)?([^<]+)<', one)
        assert names == sorted(names, key=alphabetical)


@pytest.mark.parametrize("lang", LANGS)
def test_report(walk, lang):
    made = compose(walk.pilot, look_back(walk.figures, 2026, 1, NOW), lang, None)
    lines = [re.sub(r"[*#|\\]|^> ", " ", line) for line in markdown(made).splitlines()]
    pictures = [re.sub("<[^>]+>", "\n", block.svg).splitlines() for block in made.blocks if block.svg]
    assert wrong([("report", lines), *(("picture", one) for one in pictures)], walk.pilot, lang) == {}


def _filled(template):
    """A Go template with a number wherever it prints one."""
    return re.sub(
        r"\{\{ ?(if)?.*?\}\}", lambda one: "1" if "printf" in one[0] and not one[1] else " ", template
    )


@pytest.mark.parametrize("lang", LANGS)
def test_alarms(walk, lang):
    """The messages that the watch sends, and those that Grafana gets, without their templates."""
    ruled = {rule.id: rule for rule in rules(walk.pilot, lang)}
    models = {name: device.model for name, device in walk.pilot.fleet.items()}
    words = Words(walk.pilot, ruled, lang, "http://testserver", lambda: models)
    place = walk.pilot.places[0].id
    device = next(name for name, one in walk.pilot.fleet.items() if one.community == place)
    sent = []
    for rule in ruled.values():
        key = {"device": Key(place, device), "instance": Key("gateway-1"), "": Key()}.get(
            rule.where, Key(place)
        )
        for over, outcome in ((False, ""), (True, "over"), (True, "lost")):
            alarm = Alarm(rule.id, key, NOW, NOW, 12345.678, NOW, 0, outcome)
            message = words.message(Notice(rule.quantity, key.place, (alarm,), over))
            sent.append((rule.id, [message.title, *message.text.splitlines()]))
    for group in yaml.safe_load(alarms.content(walk.pilot, lang))["groups"]:
        for rule in group["rules"]:
            said = [rule["title"], *(rule["annotations"][name] for name in ANNOTATIONS)]
            sent.append((rule["uid"], [_filled(line) for line in said]))
    assert wrong(sent, walk.pilot, lang) == {}


def test_labels(walk):
    """Labels are in Vietnamese alone."""
    client, labels = TestClient(walk.app), []
    for lot in walk.lots:
        if not lot["refused"]:
            one = label.of(client.get(f"/01/{lot['gtin']}/10/{lot['lot']}/record.json").json())
            labels.append((lot["lot"], [one.name, one.producer, one.harvested, one.note]))
    assert bool(labels) == any(not lot["refused"] for lot in walk.lots)
    assert wrong(labels, walk.pilot, "vi") == {}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", PILOTS)
def test_advice(name, lang):
    """Each rule's sentence, with a value and an amount."""
    pilot = load(name)
    said = [
        (rule.id, [getattr(rule.text, lang).format(value="1", unit="", amount="2")])
        for rule in pilot.advice.rules
    ]
    assert wrong(said, pilot, lang) == {}


# where → why an id may stand there
EXEMPT = {
    "/templating/list/0/current/text": "the choice of province: its words come out of the store, so that it "
    "opens with its own province, and the store has the id alone",
}
# (board, panel) → what it shows instead of an id
WITHOUT_IDS = {("targets", 5): "a day, how many are left, an office"}
SHOWN = {
    "title",
    "description",
    "text",
    "label",
    "displayName",
    "content",
    "noValue",
    "renamePattern",
    "legendFormat",
}


def spoken(part, at=""):
    """(path, text) of each text that a board shows: names, words of mappings, texts, names of columns."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "renameByName":
                yield from ((f"{at}/{key}", one) for one in value.values())
            elif key in SHOWN and isinstance(value, str):
                yield f"{at}/{key}", value
            elif key == "properties":
                yield from ((at, one["value"]) for one in value if one["id"] == "displayName")
                yield from spoken(value, at)
            else:
                yield from spoken(value, f"{at}/{key}")
    elif isinstance(part, list):
        for number, one in enumerate(part):
            yield from spoken(one, f"{at}/{number}")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("board", BOARDS)
def test_boards(board, lang):
    data = style.plain(BOARDS[board](lang).build())
    texts = [
        (path, re.sub(r"\]\([^)]*\)|\$\{?\w+\}?|\$\d", " ", said).splitlines())
        for path, said in spoken(data)
        if path not in EXEMPT
    ]
    assert len(texts) > 10
    assert {name: found for name in PILOTS if (found := wrong(texts, load(name), lang))} == {}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", PILOTS)
def test_every_id_of_a_table_has_its_word(name, lang):
    """Every id that a cell may hold: places, devices, crops, rules, indicators, models."""
    found = {}
    for board in BOARDS:
        data = style.plain(BOARDS[board](lang).build())
        for panel in data["panels"]:
            if panel["type"] == "table" and (board, panel["id"]) not in WITHOUT_IDS:
                said = panel["fieldConfig"]["defaults"].get("mappings", [])
                words = {id for one in said if one["type"] == "value" for id in one["options"]}
                shapes = [one["options"]["pattern"].strip("/") for one in said if one["type"] == "regex"]
                bare = {
                    id for id in cells(load(name)) - words if not any(re.search(one, id) for one in shapes)
                }
                if bare:
                    found[f"{board}: {panel['title']}"] = sorted(bare)[:5]
    assert found == {}
