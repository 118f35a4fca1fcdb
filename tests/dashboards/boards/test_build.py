"""The boards as Grafana will read them, against the published schema, our rules and the files in git."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import jsonschema
import pytest
import yaml

from dashboards.boards import naming, queries, style
from dashboards.boards.build import BOARDS, FOLDER, build, stale
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import HERE as PILOTS
from devices.pilots.pilot import load as load_pilot
from devices.texts import LANGS
from tests.vectors import published

HERE = Path(__file__).parents[3]
PROVISIONING = HERE / "dashboards/provisioning"

# options that Grafana 10, 11 and 12 all have, by type of panel
OPTIONS = {
    "stat": {"colorMode", "graphMode", "justifyMode", "orientation", "reduceOptions", "text", "textMode"},
    "timeseries": {"legend", "tooltip"},
    "table": {"cellHeight", "frameIndex", "showHeader", "showTypeIcons", "sortBy"},
    "geomap": {"basemap", "controls", "layers", "tooltip", "view"},
    "text": {"code", "content", "mode"},
}
ALL = [(lang, name) for lang in LANGS for name in BOARDS]


def load(lang, name):
    return style.plain(BOARDS[name](lang).build())


def panels():
    return [
        pytest.param(p, lang, id=f"{lang}-{n}-{p['id']}") for lang, n in ALL for p in load(lang, n)["panels"]
    ]


@pytest.mark.parametrize(("lang", "name"), ALL)
def test_a_board_follows_the_published_schema(lang, name):
    schema = json.loads(published("grafana/dashboard-json-schema.json").read_text("utf-8"))
    board = load(lang, name)
    for panel in board[
        "panels"
    ]:  # the schema knows only objects as an override's values; Grafana's own values are of any kind
        for override in panel.get("fieldConfig", {}).get("overrides", ()):
            override["properties"] = [p for p in override["properties"] if isinstance(p["value"], dict)]
    jsonschema.Draft7Validator(schema).validate(board)


@pytest.mark.parametrize(("lang", "name"), ALL)
def test_ids_are_unique_and_panels_do_not_overlap(lang, name):
    all_panels = load(lang, name)["panels"]
    assert [i for i, n in Counter(p["id"] for p in all_panels).items() if n > 1] == []
    for one, other in combinations(all_panels, 2):
        a, b = one["gridPos"], other["gridPos"]
        apart = (
            a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        )  # fmt: skip
        assert apart, (one["title"], other["title"])
        assert a["x"] + a["w"] <= 24


def test_every_board_has_a_uid_of_its_own():
    uids = [load(lang, name)["uid"] for lang, name in ALL]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) <= 40 for uid in uids)
    assert load("vi", "targets")["uid"] == "hoiquan-targets"


@pytest.mark.parametrize(("lang", "name"), ALL)
def test_a_board_keeps_vietnamese_time_and_begins_with_thirty_days(lang, name):
    board = load(lang, name)
    assert board["timezone"] == "Asia/Ho_Chi_Minh"
    plan = {"from": "2020-12-31T17:00:00.000Z", "to": "2030-12-31T16:59:59.000Z"}
    assert board["time"] == (plan if name == "targets" else {"from": "now-30d", "to": "now"})
    pilot = next(v for v in board["templating"]["list"] if v["name"] == "pilot")
    assert pilot["current"]["value"] == "dong-thap"


@pytest.mark.parametrize(("panel", "lang"), panels())
def test_every_panel_speaks(panel, lang):
    assert panel["title"]
    if panel["type"] == "text":
        assert panel["options"]["content"]
        return
    assert panel["description"]
    assert panel["datasource"] == {"type": "influxdb", "uid": "hoiquan"}
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    say = style.Say(lang)
    table = panel["type"] == "table"
    assert defaults["noValue"] in [
        say(key) for key in (("missing", "alarms_none") if table else ("no_value",))
    ]


@pytest.mark.parametrize(("panel", "lang"), panels())
def test_panels_use_options_that_grafana_10_to_12_have(panel, lang):
    assert panel["options"].keys() <= OPTIONS[panel["type"]]


@pytest.mark.parametrize(("panel", "lang"), panels())
def test_legends_and_queries_are_set(panel, lang):
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]
        assert all(target["alias"] for target in panel["targets"])
    refs = [target["refId"] for target in panel.get("targets", ())]
    assert len(set(refs)) == len(refs)
    aggregate = any(
        re.search(r"\b(mean|max|min|sum|count|last)\(", t["query"])
        and "GROUP BY time(" not in t["query"]
        and not t["query"].startswith('SELECT "severity"')  # rows selected by a selector keep their time
        for t in panel.get("targets", ())
    )
    dropped = [t["id"] for t in panel.get("transformations", ())]
    assert not aggregate or "filterFieldsByName" in dropped, "an aggregate's time is 1970"


@pytest.mark.parametrize(("lang", "name"), ALL)
def test_no_two_panels_of_a_board_have_one_title(lang, name):
    titles = Counter(panel["title"] for panel in load(lang, name)["panels"])
    assert [title for title, number in titles.items() if number > 1] == []


@pytest.mark.parametrize(("panel", "lang"), panels())
def test_columns_of_a_table_have_their_order_and_places_their_name_first(panel, lang):
    shapes = [t["options"] for t in panel.get("transformations", ()) if t["id"] == "organize"]
    for shape in shapes:
        assert shape["indexByName"].keys() == shape["renameByName"].keys()
    if panel["type"] == "table":
        (shape,) = shapes
        first = min(shape["indexByName"], key=shape["indexByName"].get)
        if first == "due":
            return  # days and offices have no id
        assert first in ("community", "device", "instance", "who"), panel["title"]
        assert ("community" in shape["indexByName"]) == (first == "community")
        known = {k: v for m in panel["fieldConfig"]["defaults"]["mappings"] if m["type"] == "value"
                 for k, v in m["options"].items()}  # fmt: skip
        assert known["my-dien"]["text"].startswith("Mỹ Điền") and known["iot_communities"]["text"]


@pytest.mark.parametrize(("panel", "lang"), panels())
def test_a_line_ends_where_readings_end(panel, lang):
    if (
        panel["type"] != "timeseries"
        or panel["fieldConfig"]["defaults"]["custom"].get("drawStyle", "line") != "line"
    ):
        return
    custom = panel["fieldConfig"]["defaults"]["custom"]
    if any("kpi" in target["query"] for target in panel["targets"]):
        assert custom["spanNulls"] is True, "a count holds until the next one"
        return
    assert custom["spanNulls"] == 2 * 3_600_000
    for target in panel["targets"]:
        assert "fill(null)" in target["query"] or '"alarm"' in target["query"], target["query"]


@pytest.mark.parametrize("lang", LANGS)
def test_every_id_that_a_pilot_can_bring_has_a_name(lang):
    known = naming.words(lang) | naming.places()
    for path in PILOTS.glob("*.yaml"):
        pilot = load_pilot(path.stem)
        crops = {product.crop for place in pilot.communities for product in place.products}
        crops |= {crop for rule in pilot.advice.rules for crop in rule.crops}
        ids = {place.id for place in pilot.places} | {rule.id for rule in pilot.advice.rules} | crops
        assert {one for one in ids if not known.get(one)} == set()
    assert len(set(naming.places().values())) == len(naming.places()), "a variable's choices must differ"
    choices = [choice.replace(naming.COMMA, ",") for choice in re.split(r"(?<!\\), ", naming.options())]
    assert choices == [f"{name} : {place}" for place, name in naming.places().items()]


def test_an_alarm_s_line_is_on_the_axis_on_a_calm_day():
    axes = {}
    for _, name in ALL:
        for panel in load("vi", name)["panels"]:
            if panel["type"] == "timeseries" and any('FROM "alarm"' in t["query"] for t in panel["targets"]):
                axes[panel["title"]] = panel["fieldConfig"]["defaults"]["custom"]["axisSoftMax"]
    levels = load_pilot("dong-thap").alarms.levels
    for title, top in axes.items():
        assert top > max(one.levels[0] for one in levels if SIGNALS[one.signal].vi == title)
    assert len(axes) == 4


def test_the_traceability_share_is_a_ratio():
    for lang, name in ALL:
        for panel in load(lang, name)["panels"]:
            asks = any("'traceability_share'" in target["query"] for target in panel.get("targets", ()))
            if asks and panel["type"] != "table" and panel["fieldConfig"]["defaults"]["unit"] != style.MOMENT:
                assert panel["fieldConfig"]["defaults"]["unit"] == "percentunit"


def test_both_languages_show_the_same_panels():
    words = re.compile("(text|to)_en")  # the store has advice and offices in both languages

    def shape(lang, name):
        return [
            (p["id"], p["type"], p["gridPos"], [words.sub(r"\1", t["query"]) for t in p.get("targets", ())])
            for p in load(lang, name)["panels"]
        ]

    for name in BOARDS:
        assert shape("vi", name) == shape("en", name)


def test_the_files_in_git_are_what_the_code_writes():
    assert stale(FOLDER) == [], "run: hoiquan dashboards build"


def test_build_writes_and_stale_names_what_differs(tmp_path):
    written = build(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        *(f"json/{lng}/{n}.json" for lng, n in ALL),
        *(f"alerts/{lng}/{path.name}" for lng in LANGS for path in PILOTS.glob("*.yaml")),
        "maps/land.geojson", "maps/places.json",
    }  # fmt: skip
    assert stale(tmp_path) == []
    (tmp_path / "json/vi/targets.json").write_text("{}", "utf-8")
    (tmp_path / "json/en/targets.json").unlink()
    (tmp_path / "json/en/old.json").write_text("{}", "utf-8")
    (tmp_path / "alerts/vi/dong-thap.yaml").write_text("apiVersion: 1\n", "utf-8")
    assert stale(tmp_path) == [
        "alerts/vi/dong-thap.yaml", "json/en/old.json", "json/en/targets.json", "json/vi/targets.json",
    ]  # fmt: skip
    build(tmp_path)
    assert stale(tmp_path) == []


@pytest.mark.parametrize("lang", LANGS)
def test_the_map_asks_nothing_of_the_net_and_knows_every_place(lang):
    (panel,) = [one for one in load(lang, "targets")["panels"] if one["type"] == "geomap"]
    base, layers = panel["options"]["basemap"], panel["options"]["layers"]
    assert base["type"] == "xyz" and base["config"]["url"].startswith("data:image/gif;base64,")
    assert "http" not in json.dumps([base, layers])
    paths = {layers[0]["config"]["src"], *(one["location"]["gazetteer"] for one in layers[1:])}
    folder = "public/hoiquan/"
    assert paths == {f"{folder}land.geojson", f"{folder}places.json"}
    mounted = "- ./dashboards/maps:/usr/share/grafana/public/hoiquan:ro"
    assert mounted in (HERE / "docker-compose.yml").read_text("utf-8")
    refs = [one["refId"] for one in panel["targets"]]
    assert [one["filterData"] for one in layers[1:]] == [{"id": "byRefId", "options": ref} for ref in refs]
    drawn = {(one["config"]["style"]["symbol"]["fixed"], one["config"]["style"]["color"]["fixed"])
             for one in layers[1:]}  # fmt: skip
    assert len(drawn) == len(layers) - 1 and all(one["config"]["showLegend"] for one in layers[1:])
    names = [one["name"] for one in layers]
    assert len(set(names)) == len(names) and panel["options"]["view"]["layer"] in names
    known = {one["key"] for one in json.loads((FOLDER / "maps" / "places.json").read_text("utf-8"))}
    assert known == {place.id for path in PILOTS.glob("*.yaml") for place in load_pilot(path.stem).places}


def test_files_are_sorted_and_readable():
    for path in (FOLDER / "json").rglob("*.json"):
        text = path.read_text("utf-8")
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def test_provisioning_is_what_grafana_reads():
    sources = yaml.safe_load((PROVISIONING / "datasources.yaml").read_text("utf-8"))
    providers = yaml.safe_load((PROVISIONING / "dashboards.yaml").read_text("utf-8"))
    assert sources["apiVersion"] == providers["apiVersion"] == 1
    (source,) = sources["datasources"]
    assert (source["type"], source["uid"]) == (queries.SOURCE.type_val, queries.SOURCE.uid)
    assert source["url"] == "http://influxdb:8086"
    assert source["jsonData"]["version"] == "InfluxQL"
    assert source["jsonData"]["dbName"] == "$HOIQUAN_INFLUX_BUCKET"
    assert source["jsonData"]["httpHeaderName1"] == "Authorization"
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token $__file{/tokens/reader/token}"}
    for provider, lang in zip(providers["providers"], LANGS, strict=True):
        assert provider["options"]["path"] == f"/var/lib/grafana/dashboards/{lang}"
