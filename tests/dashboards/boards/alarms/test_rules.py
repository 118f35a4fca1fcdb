"""Alert rules as Grafana will read them: the pilot file's thresholds, ids, sentences, no variables."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from dashboards.boards import style
from dashboards.boards.alarms import messages
from dashboards.boards.alarms import rules as alerts
from dashboards.boards.build import BOARDS
from dashboards.boards.queries import SOURCE
from devices.contract.signals import SIGNALS
from devices.pilots.alarms import STEPS, Level
from devices.pilots.pilot import load
from devices.texts import LANGS, text

PILOT = load("dong-thap")
PROVISIONING = Path(__file__).parents[4] / "dashboards/provisioning"


def written(lang="vi", pilot=PILOT):
    groups = yaml.safe_load(alerts.content(pilot, lang))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_everything_that_was_asked_for_has_a_rule():
    kinds = {rule.kind for rule in alerts.rules(PILOT, "vi")}
    assert {"salinity", "dissolved_oxygen", "water_level", "silent", "coverage_low", "books", "quarantine",
            "spool", "off_course"} <= kinds  # fmt: skip


@pytest.mark.parametrize("lang", LANGS)
def test_ids_are_unique_and_short_and_every_rule_says_what_to_do(lang):
    rules = written(lang)
    assert [uid for uid, number in Counter(rule["uid"] for rule in rules).items() if number > 1] == []
    assert [title for title, number in Counter(rule["title"] for rule in rules).items() if number > 1] == []
    for rule in rules:
        assert len(rule["uid"]) <= 40
        assert len(rule["annotations"]["description"]) > 60
        assert rule["annotations"]["__dashboardUid__"].startswith("hoiquan-")
        assert rule["condition"] == rule["data"][-1]["refId"]
        assert rule["data"][0]["datasourceUid"] == SOURCE.uid
        assert "$" not in str(rule["labels"]), "Grafana would look for it in its environment"
        assert "$" not in rule["data"][0]["model"]["query"], "an alert rule has no variables"


def conditions(**more):
    return {rule["uid"]: rule["data"][-1]["model"]["expression"] for rule in written(**more)}


def test_thresholds_are_those_of_the_pilot_file():
    found = conditions()
    for number, level in enumerate(PILOT.alarms.levels):
        beyond, within = (">", "<=") if level.when == "over" else ("<", ">=")
        for step, limit, end in zip(STEPS, level.levels, (*level.levels[1:], None), strict=False):
            expected = f"$B {beyond} {limit}" + (f" && $B {within} {end}" if end is not None else "")
            assert found.pop(f"dong-thap-{level.signal}-{number}-{step}") == expected
        silent = found.pop(f"dong-thap-{level.signal}-{number}-silent")
        assert silent == f"$B {beyond} {level.levels[0]} && $N < 1"
    assert found["dong-thap-device-silent"] == f"$B > {PILOT.alarms.silent_hours}"
    assert found["dong-thap-coverage-low"] == f"$B < {PILOT.alarms.coverage * 100:g}"
    assert found["dong-thap-quarantine"] == f"$B > {PILOT.alarms.quarantined_an_hour}"
    assert found["dong-thap-spool-old"] == f"$B > {PILOT.alarms.spool_minutes}"


def test_one_rule_alone_speaks_of_a_store_that_is_away():
    states = {rule["uid"]: rule["execErrState"] for rule in written()}
    assert states.pop("dong-thap-store") == "Alerting"
    assert set(states.values()) == {"KeepLast"}


def test_no_board_alarm_folder_or_provider_has_the_title_of_another():
    data = yaml.safe_load((PROVISIONING / "dashboards.yaml").read_text("utf-8"))["providers"]
    folders = [*(one["folder"] for one in data), *(text("alerts.folder", lang) for lang in LANGS)]
    boards = [text(f"boards.{name}_title", lang) for lang in LANGS for name in BOARDS]
    assert [one for one, number in Counter(folders + boards).items() if number > 1] == []
    assert len({one["name"] for one in data}) == len(LANGS)
    assert [Path(one["options"]["path"]).name for one in data] == list(LANGS)


@pytest.mark.parametrize("lang", LANGS)
def test_a_message_leads_to_the_panel_of_what_it_is_about(lang):
    boards = [style.plain(board(lang).build()) for board in BOARDS.values()]
    titles = {(one["uid"], str(panel["id"])): panel["title"] for one in boards for panel in one["panels"]}
    for rule in written(lang):
        said = rule["annotations"]
        title = titles[said["__dashboardUid__"], said["__panelId__"]]
        assert f"/d/{said['__dashboardUid__']}?" in said["board"]
        assert said["board"].endswith(f"&viewPanel={said['__panelId__']}")
        signal = SIGNALS.get(rule["labels"]["quantity"])
        if signal is not None:
            assert title == signal.name(lang), rule["uid"]
            assert "&var-community={{ $labels.community }}" in said["board"]
        assert "${" not in "".join(said.values()), "Grafana would look for it in its environment"


def test_a_place_is_held_against_one_gauge_alone():
    first = {
        rule.id: alerts.queries(rule, PILOT)[0]
        for rule in alerts.rules(PILOT, "vi")
        if rule.kind == "water_level" and rule.id.endswith("-I")
    }
    for place in PILOT.places:
        asking = [
            id for id, query in first.items()
            if f"= '{place.id}'" in query.replace("!= ", "<> ")
            or (" OR " not in query and f"!= '{place.id}'" not in query)
        ]  # fmt: skip
        assert len(asking) == 1, place.id


def test_another_threshold_in_the_pilot_file_is_another_threshold_in_the_rule():
    levels = tuple(
        level.model_copy(update={"levels": (0.5,)}) if level.signal == "salinity" else level
        for level in PILOT.alarms.levels
    )
    changed = PILOT.model_copy(update={"alarms": PILOT.alarms.model_copy(update={"levels": levels})})
    salinity = [rule for rule in written(pilot=changed) if "salinity" in rule["uid"]]
    assert [r["data"][-1]["model"]["expression"] for r in salinity] == ["$B > 0.5", "$B > 0.5 && $N < 1"]
    assert "(0,5 g/L)" in salinity[0]["title"]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("signal", "when", "limit", "board", "said"),
    [
        ("battery_level", "under", 20.0, "quality", {"vi": "Pin yếu: dưới 20%", "en": "weak: under 20%"}),
        (
            "pm2_5",
            "over",
            50.0,
            "community",
            {"vi": "Bụi mịn PM2,5 vượt mức I (50 µg/m³)", "en": "over level"},
        ),
        ("soil_ph", "under", 4.5, "community", {"vi": "pH đất dưới mức I (4,5)", "en": "level I (4.5)"}),
    ],
)
def test_any_signal_may_have_levels(signal, when, limit, board, said, lang):
    level = Level(signal=signal, when=when, levels=(limit,), assumption="all")
    changed = PILOT.model_copy(update={"alarms": PILOT.alarms.model_copy(update={"levels": (level,)})})
    rule, silent = (one for one in written(lang, changed) if signal in one["uid"])
    assert silent["uid"].endswith("-silent")
    assert said[lang] in rule["title"]
    assert rule["annotations"]["__dashboardUid__"].startswith(f"hoiquan-{board}")
    assert rule["data"][-1]["model"]["expression"] == f"$B {'>' if when == 'over' else '<'} {limit}"


def test_a_pilot_without_alarms_has_a_file_without_rules():
    without = PILOT.model_copy(update={"alarms": None})
    assert written(pilot=without) == []
    assert yaml.safe_load(alerts.content(without, "vi"))["templates"], "the contact points name it"


def test_an_id_that_grafana_would_refuse_is_an_error():
    with pytest.raises(ValueError, match="40 characters"):
        alerts.content(PILOT.model_copy(update={"pilot": "a" * 30}), "vi")


@pytest.mark.parametrize("kind", ["email", "webhook"])
def test_whom_to_tell_comes_from_the_environment(kind):
    data = yaml.safe_load((PROVISIONING / f"contact/{kind}.yaml").read_text("utf-8"))
    (point,) = data["contactPoints"]
    (receiver,) = point["receivers"]
    assert receiver["type"] == kind
    assert any(str(value).startswith("$HOIQUAN_ALERT_") for value in receiver["settings"].values())
    (policy,) = data["policies"]
    assert policy["receiver"] == point["name"]
    assert policy["group_by"] == ["quantity", "community", "instance"]
    used = re.findall(r'template "([\w.]+)"', str(receiver["settings"]))
    assert used == ["hoiquan.title", "hoiquan.message"]
    assert all(f'define "{name}"' in messages.template(lang) for name in used for lang in LANGS)


@pytest.mark.parametrize("to", ["email", "webhook"])
def test_what_compose_gives_to_grafana_is_there(to):
    """If a mounted file is missing, Docker makes a folder of its name, and Grafana does not start."""
    root = Path(__file__).parents[4]
    grafana = yaml.safe_load((root / "docker-compose.yml").read_text("utf-8"))["services"]["grafana"]
    chosen = {"${HOIQUAN_PILOT:-dong-thap}": "dong-thap", "${HOIQUAN_ALERTS_TO:-email}": to}
    for mount in (one for one in grafana["volumes"] if one.startswith("./")):
        path = mount.split(":/")[0]
        for variable, value in chosen.items():
            path = path.replace(variable, value)
        assert (root / path).exists(), path
    data = yaml.safe_load((PROVISIONING / f"contact/{to}.yaml").read_text("utf-8"))
    wanted = {
        str(v)[1:] for v in data["contactPoints"][0]["receivers"][0]["settings"].values() if "$" in str(v)
    }
    assert wanted <= grafana["environment"].keys()
