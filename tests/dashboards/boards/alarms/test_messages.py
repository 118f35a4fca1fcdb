"""Events and the messages they cause, and when; Go expands the templates as Grafana does."""

import re
from itertools import product

import pytest
import yaml

from dashboards.boards.alarms import rules
from devices.pilots.pilot import load
from devices.texts import LANGS
from gateway.control.alarms.message import Words
from gateway.control.alarms.states import Alarm, Key
from tests.dashboards.boards.alarms.grafana import ERROR, Grafana, build, holds
from tests.dashboards.boards.alarms.watched import Watched
from tests.programs import program

PILOT = load("dong-thap")
HOUR = 60
PLACE = {"community": "tam-que"}
SALT = "dong-thap-salinity-3-"
NAMED = "Hội quán Tâm Quê, phường Cao Lãnh"


@pytest.fixture(scope="module")
def expand(tmp_path_factory):
    return build(program("go"), tmp_path_factory.mktemp("expand"))


@pytest.fixture(params=["grafana", "watch"])
def teller(request):
    """Grafana with our files, or the watch of `hoiquan up`: same rules, same messages."""
    if request.param == "watch":
        return Watched(PILOT)
    return Grafana(request.getfixturevalue("expand"), rules.content(PILOT, "vi"))


def store(salinity=None, readings=6, *, rest=True, **others):
    """A store in which only one place's salinity is abnormal. `others`: end of a rule's id → its series."""

    def answer(uid, ref):
        if uid.startswith(SALT):
            fresh = [({"community": "canh-tan"}, 0.2 if ref == "A" else 6)]
            mine = [(PLACE, salinity if ref == "A" else readings)] if salinity is not None else []
            return [*fresh, *mine] if rest else mine
        for end, series in others.items():
            if uid.endswith(end.replace("_", "-")):
                return series
        if uid.endswith(("books", "gateway-silent")):
            return [({"instance": "a"}, 2 * uid.endswith("silent"))]
        return []

    return answer


def away(uid, ref):
    return ERROR


def titles(teller):
    return [title.strip() for _, title, _ in teller.messages]


def test_a_calm_day_says_nothing(teller):
    teller.minutes(3 * HOUR, store(0.3))
    assert titles(teller) == []


def test_a_message_names_place_commune_level_and_value_and_leads_to_the_panel(teller):
    teller.minutes(10, store(1.53))
    ((_, title, message),) = teller.messages
    assert title.strip() == f"Độ mặn vượt mức II (1,2 g/L): 1,53 g/L – {NAMED}."
    assert "đóng cống lấy nước" in message
    panel = "3000/d/hoiquan-community?var-pilot=dong-thap&var-community=tam-que&viewPanel=9"
    where = panel if isinstance(teller, Grafana) else "8080/place/tam-que"
    assert f"Xem: http://localhost:{where}\n" in message


def test_a_store_that_is_away_is_one_alarm_about_the_store(teller):
    teller.minutes(10, store(0.3))
    teller.minutes(60, away)
    assert titles(teller) == ["Kho số liệu không trả lời."]
    assert "cống" not in teller.messages[0][2]
    teller.minutes(30, store(0.3))
    assert titles(teller)[1:] == ["ĐÃ HẾT: Kho số liệu không trả lời."]


def test_a_restart_of_the_store_says_nothing(teller):
    teller.minutes(10, store(0.3))
    teller.minutes(1, away)
    teller.minutes(30, store(0.3))
    assert titles(teller) == []


def test_what_is_in_alarm_stays_so_while_the_store_is_away(teller):
    teller.minutes(10, store(1.53))
    teller.minutes(60, away)
    teller.minutes(10, store(1.53))
    assert [title for title in titles(teller) if "Kho" not in title] == titles(teller)[:1]


def test_after_the_store_was_away_books_have_time_to_be_written(teller):
    teller.minutes(10, store(0.3))
    teller.minutes(30, away)
    teller.minutes(5, store(0.3, books=[], gateway_silent=[({"instance": "a"}, 0)]))
    teller.minutes(30, store(0.3))
    assert [title for title in titles(teller) if "Kho" not in title] == []


def test_each_level_is_one_message_and_the_end_comes_once(teller):
    for salinity in (0.9, 1.6, 4.4, 1.6, 0.9, 0.3):
        teller.minutes(30, store(salinity))
    levels = [re.search(r"mức (\w+)", title).group(1) for title in titles(teller) if "HẾT" not in title]
    assert [one for n, one in enumerate(levels) if n == 0 or levels[n - 1] != one] == [
        "I",
        "II",
        "III",
        "II",
        "I",
    ]
    assert [n for n, title in enumerate(titles(teller)) if "HẾT" in title] == [len(titles(teller)) - 1]
    assert titles(teller)[-1] == f"ĐÃ HẾT: Độ mặn vượt mức I (0,69 g/L): 0,30 g/L – {NAMED}."
    assert all(title.count("mức") == 1 for title in titles(teller))


@pytest.mark.parametrize("limit", [0.69, 1.2, 4.0])
def test_a_value_on_a_limit_is_of_one_level_alone(limit):
    written = [one for one in rules.rules(PILOT, "vi") if one.id.startswith(SALT) and one.level]
    for value in (limit - 0.01, limit, limit + 0.01):
        assert sum(holds(rules.condition(rule), {"B": value}) for rule in written) == (value > 0.69)


def test_a_gauge_that_dies_in_alarm_is_said_to_be_silent_and_never_to_be_well(teller):
    teller.minutes(10, store(1.53))
    teller.minutes(5 * HOUR, store(1.53, readings=0))
    first, second = titles(teller)
    assert first == f"Độ mặn vượt mức II (1,2 g/L): 1,53 g/L – {NAMED}."
    assert f"IM LẶNG khi đang báo động: Độ mặn (mọi nơi): 1,53 g/L – {NAMED}." in second
    assert "Đừng coi là đã hết" in teller.messages[1][2]
    teller.minutes(HOUR, store(None))  # a week later none of its hours has readings any more
    assert "HẾT" not in " ".join(titles(teller))
    assert titles(teller)[-1].count("KHÔNG RÕ") >= 1 and NAMED in titles(teller)[-1]


def test_a_gap_of_less_than_an_hour_in_alarm_says_nothing(teller):
    teller.minutes(10, store(1.53))
    teller.minutes(50, store(1.53, readings=0))
    teller.minutes(30, store(1.53))
    assert len(titles(teller)) == 1


def test_a_gauge_that_dies_on_a_calm_day_is_no_alarm_of_the_field(teller):
    teller.minutes(10, store(0.3))
    teller.minutes(5 * HOUR, store(0.3, readings=0))
    teller.minutes(HOUR, store(None))
    assert titles(teller) == []


def test_a_store_that_finds_nothing_at_all_ends_no_alarm(teller):
    teller.minutes(10, store(1.53))
    teller.minutes(HOUR, store(None, rest=False))
    assert len(titles(teller)) == 1


def test_silent_devices_of_a_place_are_one_message(teller):
    silent = [(PLACE | {"device": f"tam-que-soil-probe-0{n}"}, 5.5) for n in (1, 2)]
    teller.minutes(30, store(0.3, device_silent=silent))
    ((_, title, _),) = teller.messages
    for number in (1, 2):
        assert f"Thiết bị im lặng quá 3 giờ: 5,5 giờ – Đầu đo đất {number}, {NAMED}." in title


def test_a_device_of_somebody_s_own_keeps_its_name(teller):
    teller.minutes(30, store(0.3, device_silent=[(PLACE | {"device": "my-esp32"}, 5.5)]))
    ((_, title, _),) = teller.messages
    assert f"Thiết bị im lặng quá 3 giờ: 5,5 giờ – Thiết bị “my-esp32”, {NAMED}." in title


def test_devices_that_seem_silent_until_the_gateway_has_counted_again_are_no_alarm(teller):
    """After hours without a store the queue arrives within minutes; silence is counted every five."""
    seeming = [(PLACE | {"device": f"tam-que-soil-probe-0{n}"}, 4.0) for n in (1, 2)]
    teller.minutes(10, store(0.3, device_silent=seeming))
    teller.minutes(30, store(0.3, device_silent=[(labels, 0.1) for labels, _ in seeming]))
    assert titles(teller) == []


@pytest.mark.parametrize("slots", [[], [({"instance": "a"}, 0)]], ids=["none ever", "not now"])
def test_a_gateway_without_books_is_told_without_a_number(teller, slots):
    teller.minutes(30, store(0.3, books=[], gateway_silent=slots))
    (title,) = titles(teller)
    assert title == f"Cổng dữ liệu im lặng{' – cổng dữ liệu a' if slots else ''}."


def test_of_two_gateways_the_one_that_is_gone_is_named(teller):
    """The other gateway writes its books; the alarm lasts only as long as the one stands still."""
    both = [({"instance": "a"}, 2), ({"instance": "b"}, 1)]
    teller.minutes(30, store(0.3, gateway_silent=both))
    teller.minutes(30, store(0.3, gateway_silent=[both[0], ({"instance": "b"}, 0)]))
    teller.minutes(30, store(0.3, gateway_silent=both))
    first, last = titles(teller)
    assert "Cổng dữ liệu im lặng" in first and "b" in first and "HẾT" in last


VALUES = {"query failed": {}, "found nothing": {"B": None, "N": None}, "a value": {"B": 1.5, "N": 0.0}}


@pytest.mark.parametrize(("lang", "values"), [*product(LANGS, VALUES)])
def test_no_annotation_prints_what_is_not_there(expand, lang, values):
    written = yaml.safe_load(rules.content(PILOT, lang))["groups"]
    for rule in (rule for group in written for rule in group["rules"]):
        for labels in ({}, PLACE | {"device": "x", "instance": "a"}):
            given = {"Labels": rule["labels"] | labels, "Values": VALUES[values]}
            said = expand([{"Annotation": one, **given} for one in rule["annotations"].values()])
            for text in said:
                assert not re.search(r"[\[<]no value|%!|NaN|\{\{|\$", text), text
            if rule["labels"]["hoiquan"] == "field" and values != "a value":
                orders = "đóng cống|bật quạt|ngừng|giảm" if lang == "vi" else "close|stop|aerat"
                assert not re.search(orders, said[list(rule["annotations"]).index("description")].lower())


def test_the_numbers_of_a_message_are_written_as_its_language_has_them(expand):
    for lang, number in (("vi", "1,53 g/L"), ("en", "1.53 g/L")):
        (rule,) = (
            rule for group in yaml.safe_load(rules.content(PILOT, lang))["groups"] for rule in group["rules"]
            if rule["uid"] == f"{SALT}II"
        )  # fmt: skip
        (said,) = expand([{"Annotation": rule["annotations"]["summary"], "Values": {"B": 1.53}}])
        assert said.endswith(number)


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        ("coverage-low", 79.6, "Độ phủ số liệu dưới 80%: 79,6%"),
        ("coverage-low", 79.96, "Độ phủ số liệu dưới 80%: 79,96%"),
        ("device-silent", 3 + 1 / 60, "Thiết bị im lặng quá 3 giờ: 3,02 giờ"),
        ("spool-old", 15.3, "quá 15 phút: 15,3 phút"),
        ("salinity-3-I", 0.694, "Độ mặn vượt mức I (0,69 g/L): 0,694 g/L"),
        ("salinity-3-I", 0.69, "Độ mặn vượt mức I (0,69 g/L): 0,69 g/L"),
        ("books", 0, ": 0 bản tin"),
        ("iot_communities", -1, ": 1 hội quán"),
    ],
)
def test_a_number_beyond_its_limit_does_not_read_like_the_limit(expand, rule, value, said):
    """In Grafana's messages and in ours, which are the same."""
    (ours,) = (one for one in rules.rules(PILOT, "vi") if one.id == f"dong-thap-{rule}")
    alarm = Alarm(ours.id, Key("tam-que"), 0, 0, value)
    assert Words(PILOT, {ours.id: ours}, "vi", "", dict).summary(alarm).endswith(said)
    (written,) = (
        one for group in yaml.safe_load(rules.content(PILOT, "vi"))["groups"] for one in group["rules"]
        if one["uid"] == ours.id
    )  # fmt: skip
    assert expand([{"Annotation": written["annotations"]["summary"], "Values": {"B": value}}])[0].endswith(
        said
    )
