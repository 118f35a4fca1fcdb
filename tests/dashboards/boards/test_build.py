"""The boards as Grafana will read them: against the published schema, the house rules, the files in git."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import jsonschema
import pytest
import yaml

from dashboards.boards import queries, style
from dashboards.boards.build import BOARDS, FOLDER, build, stale
from devices.pilots.pilot import HERE as PILOTS
from devices.texts import LANGS
from tests.vectors import published

HERE = Path(__file__).parents[3]
PROVISIONING = HERE / "dashboards/provisioning"

# Options that Grafana 10, 11 and 12 all have, by type of panel.
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
    jsonschema.Draft7Validator(schema).validate(load(lang, name))


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
    assert board["time"] == {"from": "now-30d", "to": "now"}
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
    assert defaults["noValue"] == style.words(lang)("no_value")


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
        re.search(r"\b(mean|max|min|sum|count|last)\(", t["query"]) and "GROUP BY time(" not in t["query"]
        for t in panel.get("targets", ())
    )
    dropped = [t["id"] for t in panel.get("transformations", ())]
    assert not aggregate or "filterFieldsByName" in dropped, "an aggregate's time is 1970"


def test_the_traceability_share_is_a_ratio():
    for lang, name in ALL:
        for panel in load(lang, name)["panels"]:
            asks = any("'traceability_share'" in target["query"] for target in panel.get("targets", ()))
            if asks and panel["type"] != "table" and panel["fieldConfig"]["defaults"]["unit"] != style.MOMENT:
                assert panel["fieldConfig"]["defaults"]["unit"] == "percentunit"


def test_both_languages_show_the_same_panels():
    words = re.compile("text_en")  # advice is stored in both languages

    def shape(lang, name):
        return [
            (p["id"], p["type"], p["gridPos"], [words.sub("text", t["query"]) for t in p.get("targets", ())])
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
