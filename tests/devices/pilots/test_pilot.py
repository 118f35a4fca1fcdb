"""Pilot files: those of the repository load, and an error names file, field and cause."""

import re
from copy import deepcopy
from datetime import date
from pathlib import Path

import pytest
import yaml

from devices.contract.models import MODELS
from devices.contract.topics import ID
from devices.pilots import scenario
from devices.pilots.pilot import HERE, INDICATORS, Pilot, PilotError, load

DEFAULT = HERE / "dong-thap.yaml"
# pilot files as of 28 November 2026, before adopters had visits
EARLIER = Path(__file__).with_name("earlier")
SINCE = {"merged", "visits", "codes", "behind_sluices"}  # fields that were added to pilot files since
# The commune into which each one went on 1 July 2025, by PyPI vietnamadminunits 1.0.4 (`convert_address`);
# for a district, that of its town. The same name proves nothing: Lai Vung's town is not in today's xã Lai
# Vung.
MERGED = {
    "xã Tân Thuận Tây, TP. Cao Lãnh": "phường Cao Lãnh",
    "xã An Nhơn, huyện Châu Thành": "xã Phú Hựu",
    "thị trấn Cái Tàu Hạ, huyện Châu Thành": "xã Phú Hựu",
    "xã Tân Nhuận Đông, huyện Châu Thành": "xã Tân Nhuận Đông",
    "xã Bình Thạnh Trung, huyện Lấp Vò": "xã Lấp Vò",
    "xã Định Yên, huyện Lấp Vò": "xã Lai Vung",
    "huyện Lai Vung": "xã Hòa Long",  # thị trấn Lai Vung
    "xã Mỹ Thọ, huyện Cao Lãnh": "xã Mỹ Thọ",
    "xã Mỹ Xương, huyện Cao Lãnh": "xã Mỹ Thọ",
    "xã Bình Thạnh, huyện Cao Lãnh": "xã Mỹ Hiệp",
    "phường Tân Quy Đông, TP. Sa Đéc": "phường Sa Đéc",
    "xã Tân Phú Đông, TP. Sa Đéc": "xã Tân Dương",
    "xã Đốc Binh Kiều, huyện Tháp Mười": "xã Đốc Binh Kiều",
    "huyện Tháp Mười": "xã Tháp Mười",  # thị trấn Mỹ An
    "huyện Lý Sơn": "đặc khu Lý Sơn",
    "huyện Mộ Đức": "xã Mộ Đức",  # thị trấn Mộ Đức
    "thị xã Đức Phổ": "phường Sa Huỳnh",  # phường Phổ Thạnh
    "huyện Hải Lăng": "xã Diên Sanh",  # thị trấn Diên Sanh
    "huyện Vĩnh Linh": "xã Vĩnh Linh",  # thị trấn Hồ Xá
    "huyện Hướng Hóa": "xã Khe Sanh",  # thị trấn Khe Sanh
}
PILOTS = [load(name) for name in ("dong-thap", "binh-duong", "quang-ngai", "quang-tri")]

WHOLE = yaml.safe_load(DEFAULT.read_text("utf-8"))
FEW = WHOLE | {
    "communities": WHOLE["communities"][:4], "villages": WHOLE["villages"][:1], "alarms": None,
    "advice": {},
}  # fmt: skip

ONE_LEVEL = [{"signal": "water_level", "levels": [1.9], "assumption": "of everywhere"}]


def data():
    """The default file with fewer places, for tests to break."""
    return deepcopy(FEW)


def written(tmp_path, content):
    path = tmp_path / "pilot.yaml"
    path.write_text(
        content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True), "utf-8"
    )
    return path


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_pilot_file_loads_and_is_named_for_its_pilot(path):
    pilot = load(path.stem)
    assert pilot.pilot == path.stem
    assert pilot.zone.key == "Asia/Ho_Chi_Minh"
    assert load(str(path)) == pilot
    for indicator in INDICATORS:
        assert pilot.target(indicator).points
    for device in pilot.fleet.values():
        assert ID.fullmatch(device.device)
        assert device.model in MODELS
        assert device.simulated
        assert device.pilot == pilot.pilot
        assert device.community in {*pilot.place, *pilot.producers}


def test_a_file_is_there_once_however_often_it_is_read_and_anew_when_it_says_something_else(tmp_path):
    path = written(tmp_path, data())
    first = load(str(path))
    assert load(str(path)) is first
    path.write_text(path.read_text("utf-8").replace("min_devices: 3", "min_devices: 2"), "utf-8")
    assert load(str(path)).rules.iot_communities.min_devices == 2


@pytest.mark.parametrize("path", sorted(HERE.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_an_officer_could_be_asked_about_says_how_it_is_known(path):
    pilot = load(path.stem)
    for row in (*pilot.places, *pilot.organisations, *pilot.targets):
        assert row.source or row.assumption
    gtins = [product.gtin for community in pilot.communities for product in community.products]
    assert len(gtins) == len(set(gtins)), "a GTIN belongs to one product"


def test_the_default_pilot_has_the_targets_of_the_plan():
    pilot = load("dong-thap")
    for indicator, first, last in (
        ("iot_communities", 7, 14), ("smart_villages", 7, 14), ("traceability_share", 0.15, 0.5),
    ):  # fmt: skip
        target = pilot.target(indicator)
        assert target.due(date(2021, 1, 1)).at_least == first
        assert target.due(date(2025, 12, 31)).at_least == first
        assert target.due(date(2026, 1, 1)).at_least == last
        assert target.due(date(2035, 1, 1)).at_least == last
    assert len(pilot.communities) == 16
    for community in pilot.communities:
        measuring = [d for d in pilot.fleet.values() if d.community == community.id and d.model != "diary"]
        assert len(measuring) >= pilot.rules.iot_communities.min_devices
    years = [row.year for row in pilot.organisations]
    assert pilot.organisations_of(min(years) - 5).year == min(years)
    assert pilot.organisations_of(max(years) + 5).year == max(years)


def without(content, names):
    """The content without any fields of these names, at any depth."""
    if isinstance(content, dict):
        return {name: without(inner, names) for name, inner in content.items() if name not in names}
    return [without(one, names) for one in content] if isinstance(content, list) else content


@pytest.mark.parametrize("name", ["binh-duong", "dong-thap"])
def test_a_pilot_file_of_an_earlier_version_loads_and_what_it_does_not_say_is_assumed(tmp_path, name):
    kept = EARLIER / f"{name}.yaml"
    path = kept if kept.exists() else written(tmp_path, without(WHOLE, SINCE))
    pilot, now = load(str(path)), load(name)
    for field in type(pilot).model_fields:  # newer fields are facts that an officer need not give
        # days of reports were corrected; the numbers of targets were assumed in their `source`
        if field not in ("adopters", "communities", "villages", "merged", "reports", "targets"):
            assert getattr(pilot, field) == getattr(now, field), field
    assert [one.points for one in pilot.targets] == [one.points for one in now.targets]
    assert pilot.fleet == now.fleet
    visits = pilot.adopters.visits
    assert visits.assumption and 0 < visits.by_year[2021] < visits.by_year[2029] < len(pilot.producers)


@pytest.mark.parametrize("path", sorted(EARLIER.glob("scenarios/*.yaml")), ids=lambda path: path.stem)
def test_a_scenario_of_an_earlier_version_loads(path):
    assert scenario.load(str(path)).start < scenario.load(str(path)).until


def test_what_the_default_of_a_wrong_field_would_have_been_is_no_mistake_of_its_own(tmp_path):
    content = put(put(data(), "adopters.visits", None), "adopters.htx", -1)
    with pytest.raises(PilotError, match=r"adopters\.htx: -1 [^(]*$"):
        load(str(written(tmp_path, content)))


def put(content, where, value):
    """`content` with `value` at a path such as communities.0.lat; None removes the field."""
    *path, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    inner = content
    for part in path:
        inner = inner[part]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return content


ENGLISH = re.compile(r"\b(should|must|there is|write|used twice|none for|is missing|at least|valid)\b", re.I)
BAD = [
    ("pilot", None, "missing"),
    ("name", None, "missing"),
    ("name.vi", None, "missing"),
    ("time_zone", None, "missing"),
    ("rules", None, "missing"),
    ("rules.iot_communities.min_devices", None, "missing"),
    ("communities", None, "missing"),
    ("communities.0.id", None, "missing"),
    ("communities.0.joined", None, "missing"),
    ("communities.3.products.0.gtin", None, "missing"),
    ("villages.0.services", None, "missing"),
    ("communities.0.fleet", {"weather-balloon": 1}, "weather-balloon"),
    ("communities.0.fleet", {"soil-probe": -1}, "greater"),
    ("communities.0.fleet", {"soil-probe": "many"}, "integer"),
    ("communities.0.lat", 105.0, "24"),
    ("communities.0.joined", "soon", "date"),
    ("communities.0.id", "Thuận Tân", "pattern"),
    ("communities.0.id", "x" * 65, "pattern"),
    ("communities.0.colour", "red", "there is no such field"),
    ("communities.3.products.0.gtin", "0200", "pattern"),
    ("rules.iot_communities.min_coverage", 80, "less than or equal to 1"),
    ("rules.iot_communities.window_days", 0, "greater"),
    ("targets.0.indicator", "happiness", "iot_communities"),
    ("services.0.signals", ["mood"], "mood"),
    ("organisations.0.htx", -1, "greater"),
    ("reports.0.day", "30 November", "pattern"),
]


@pytest.mark.parametrize(
    ("where", "value", "cause"), BAD, ids=[f"{where}={value}"[:50] for where, value, _ in BAD]
)
def test_a_bad_field_is_named_with_its_file_and_cause(tmp_path, where, value, cause):
    path = written(tmp_path, put(data(), where, value))
    with pytest.raises(PilotError) as error:
        load(str(path))
    sentence = str(error.value)
    assert str(path) in sentence
    assert where in sentence
    assert cause in sentence
    assert "\n" not in sentence
    vietnamese = error.value.sentence("vi")
    assert where in vietnamese and not ENGLISH.search(vietnamese), vietnamese


def test_a_mistake_that_a_model_of_ours_finds_is_a_sentence_of_the_catalogue():
    for path in HERE.glob("*.py"):
        assert "raise ValueError(" not in path.read_text("utf-8"), path.name


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: d.update(time_zone="Asia/Saigonn"), ["time_zone", "Asia/Saigonn"]),
        (
            lambda d: d["communities"][1].update(id=d["communities"][0]["id"]),
            ["communities", "thuan-tan", "twice"],
        ),
        (lambda d: d["villages"][0].update(id=d["communities"][0]["id"]), ["villages", "thuan-tan", "twice"]),
        (lambda d: d["villages"][0].update(services=["magic"]), ["villages", "services", "magic"]),
        (
            lambda d: d["communities"][0]["products"][0].update(gtin="02000000000016"),
            ["thuan-tan", "gtin", "must end in 5"],
        ),
        (lambda d: d["targets"].pop(1), ["targets", "smart_villages"]),
        (lambda d: d["targets"][0].update(points=[]), ["targets"]),
        (lambda d: d.update(organisations=[]), ["organisations"]),
        (lambda d: d["villages"][0].update(services=[]), ["villages", "services"]),
        (lambda d: d.update(advice=WHOLE["advice"]), ["high-water", "tan-binh", "II", "water_level"]),
        (
            lambda d: d.update(advice=WHOLE["advice"], alarms=WHOLE["alarms"] | {"levels": ONE_LEVEL}),
            ["high-water", "tan-binh", "II", "water_level"],
        ),
    ],
    ids=[
        "zone",
        "twice",
        "village twice",
        "service",
        "check digit",
        "no target",
        "no points",
        "no organisations",
        "no services",
        "no alarms",
        "no such level",
    ],
)
def test_what_does_not_fit_together_is_named_when_the_file_is_read(tmp_path, change, named):
    content = data()
    change(content)
    path = written(tmp_path, content)
    with pytest.raises(PilotError) as error:
        load(str(path))
    for part in (str(path), *named):
        assert part in str(error.value)
    vietnamese = error.value.sentence("vi")
    assert named[0] in vietnamese and not ENGLISH.search(vietnamese), vietnamese


def test_points_of_a_target_hold_in_the_order_of_their_years(tmp_path):
    content = data()
    content["targets"][0]["points"].reverse()
    try:
        pilot = load(str(written(tmp_path, content)))
    except PilotError as error:
        assert "targets" in str(error)
    else:
        assert pilot.target("iot_communities").due(date(2024, 1, 1)).at_least == 7


@pytest.mark.parametrize(
    "content", ["", "just text", "- a\n- list", "a: [", "pilot: \t x", "a: b: c", "\x00"]
)
def test_a_file_that_is_no_pilot_is_one_sentence(tmp_path, content):
    path = written(tmp_path, content)
    with pytest.raises(PilotError) as error:
        load(str(path))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_in_another_encoding_is_one_sentence(tmp_path):
    path = tmp_path / "pilot.yaml"
    path.write_bytes("pilot: Đồng Tháp".encode("utf-16"))
    with pytest.raises(PilotError, match=r"pilot\.yaml"):
        load(str(path))


def test_a_missing_file_says_which_there_are(tmp_path):
    with pytest.raises(PilotError, match="dong-thap"):
        load("atlantis")
    with pytest.raises(PilotError, match=r"nowhere\.yaml"):
        load(str(tmp_path / "nowhere.yaml"))


def test_a_commune_has_the_name_of_its_day_and_no_district_that_is_gone():
    pilot = load("dong-thap")
    before, since = (date(2025, 6, 30), date(2025, 7, 1))
    place = pilot.place["lang-dinh-yen"]
    assert pilot.commune(place, before) == "xã Định Yên, huyện Lấp Vò"
    assert pilot.commune(place, since) == "xã Lai Vung"
    assert pilot.commune(pilot.place["an-nong"], before) == "huyện Châu Thành"
    assert pilot.commune(pilot.place["an-nong"], since) == "huyện Châu Thành (cũ)"
    unknown = place.model_copy(update={"commune_new": None})
    assert pilot.commune(unknown, since) == "xã Định Yên (cũ)"
    for one in PILOTS:
        for place in one.places:
            name = one.commune(place, since)
            gone = re.search(r"huyện|thành phố|TP\.|thị xã|thị trấn|tỉnh", name)
            assert not gone or name.endswith(" (cũ)"), place.id


@pytest.mark.parametrize(("old", "new"), MERGED.items())
def test_a_commune_of_today_is_the_one_that_its_old_commune_or_town_went_into(old, new):
    places = [place for pilot in PILOTS for place in pilot.places if place.commune_old == old]
    assert places and {place.commune_new for place in places} == {new}


def test_a_pilot_cannot_be_changed():
    pilot = load("dong-thap")
    with pytest.raises(ValueError, match="frozen"):
        pilot.time_zone = "UTC"
    assert isinstance(pilot, Pilot)
