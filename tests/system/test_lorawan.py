"""Makers' probes end to end: a network server's events or a device's own messages pass a real broker and the
gateway into the store and onto the overview. The embedded broker with SQLite, Mosquitto with InfluxDB.
"""

import json

import pytest
from chirpstack_api import integration

from devices.contract.signals import SIGNALS
from devices.texts import text
from tests.system import lorawan
from tests.system.installed import EUI, Site
from tests.system.lorawan import at, things_stack, uplink
from tests.system.running import Publisher, Running, command, done, until


@pytest.fixture(scope="module", params=[True, False], ids=["embedded-sqlite", "mosquitto-influx"])
def site(request, tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("lorawan"), request.param)
    yield made
    made.stop()


def ms(minutes_ago):
    return int(at(minutes_ago).timestamp() * 1000)


# What each device sends in its maker's form, and its meaning: signal, value in our unit, text on the page.
LSE01 = {"Bat": 3.41, "TempC_DS18B20": "31.20", "water_SOIL": "34.60", "temp_SOIL": "28.40",
         "conduct_SOIL": 870, "Interrupt_flag": 0, "Message_type": 1, "Sensor_flag": 1}  # fmt: skip
S2105 = {
    "err": 0, "valid": True, "payload": "01061084...",
    "messages": [
        {"type": "report_telemetry", "measurementId": 4102, "measurementValue": 28.3},
        {"type": "report_telemetry", "measurementId": 4103, "measurementValue": 37.5},
        {"type": "report_telemetry", "measurementId": 4108, "measurementValue": 0.62},
        {"type": "upload_battery", "battery": 91},
    ],
}  # fmt: skip
EM410 = {"battery": 96, "distance": 1280, "temperature": 30.2, "position": "normal"}
SDD = {"moisture_at_level_0": {"value": 33.15, "unit": "%"}, "temperature_at_level_0": {"value": 29.6},
       "salinity_at_level_0": {"value": 905}, "battery_voltage": {"value": 2.6}}  # fmt: skip
TRS12 = {
    "device_id": 4461, "protocol_version": 2,
    "volumetric_water_content": {"displayName": "Volumetric water content", "value": 0.312,
                                 "unit": "m³⋅m⁻³"},
    "soil_temperature": {"displayName": "Soil temperature", "value": 27.1, "unit": "°C"},
    "electrical_conductivity": {"displayName": "Electrical conductivity", "value": 1240,
                                "unit": "µS⋅cm⁻¹"},
    "battery_voltage": {"displayName": "Battery voltage", "value": 3.042, "unit": "V"},
}  # fmt: skip
WTS506 = {"battery": 99, "temperature": 28.8, "humidity": 81.5, "wind_direction": 214.6, "pressure": 1009.3,
          "wind_speed": 2.7, "rainfall_total": 86.4, "rainfall_counter": 3}  # fmt: skip
MAKERS = {
    "lse01": (
        uplink(EUI["lse01"], 0, LSE01, 50, "LSE01"),
        {"soil_moisture": (34.6, "34,6%"), "soil_temperature": (28.4, "28,4 °C"),
         "soil_ec": (0.87, "0,87 dS/m"), "air_temperature": (31.2, "31,2 °C"),
         "battery_voltage": (3.41, "3,41 V"), "rssi": (-97, "-97 dBm")},
    ),
    "s2105": (
        uplink(EUI["s2105"], 7, S2105, 50, "S2105"),
        {"soil_moisture": (37.5, "37,5%"), "soil_temperature": (28.3, "28,3 °C"),
         "soil_ec": (0.62, "0,62 dS/m"), "battery_level": (91, "91%"), "rssi": (-97, "-97 dBm")},
    ),
    "em410": (
        uplink(EUI["em410"], 4, EM410, 50),
        {"water_level": (1.92, "1,92 m"), "air_temperature": (30.2, "30,2 °C"),
         "battery_level": (96, "96%"), "rssi": (-97, "-97 dBm")},
    ),
    "sdd": (
        uplink(EUI["sdd"], 4, SDD, 50, hoiquan_probe="decentlab-dl-sdd"),
        {"soil_moisture": (33.15, "33,2%"), "soil_temperature": (29.6, "29,6 °C"),
         "battery_voltage": (2.6, "2,60 V"), "rssi": (-97, "-97 dBm")},
    ),
    "trs12": (
        things_stack(EUI["trs12"], 3, TRS12, 50, "decentlab", "dl-trs12"),
        {"soil_moisture": (31.2, "31,2%"), "soil_temperature": (27.1, "27,1 °C"),
         "soil_ec": (1.24, "1,24 dS/m"), "battery_voltage": (3.042, "3,04 V"), "rssi": (-88, "-88 dBm")},
    ),
    "wts506": (
        # the first rain total: it gives no rainfall, since its start is unknown
        uplink(EUI["wts506"], 1, WTS506, 50, "WTS506"),
        {"air_temperature": (28.8, "28,8 °C"), "relative_humidity": (81.5, "81,5%"),
         "air_pressure": (1009.3, "1.009,3 hPa"), "wind_direction": (214.6, "215°"),
         "wind_speed": (2.7, "2,7 m/s"), "battery_level": (99, "99%"), "rssi": (-97, "-97 dBm")},
    ),
}  # fmt: skip


def test_the_steps_at_enrolment_name_the_network_servers_and_the_way_in(site):
    for word in ("ChirpStack", "The Things Stack", "LSE01", EUI["lse01"], f"127.0.0.1:{site.port}"):
        assert word in site.said


@pytest.fixture(scope="module")
def spoken(site):
    """The site, once every maker's device has sent its event; the tests share one wait for the overview."""
    site.publishes(*(event for event, _ in MAKERS.values()))
    return site


@pytest.mark.parametrize("device", MAKERS)
def test_a_makers_words_are_stored_in_our_units_and_stand_on_the_overview(spoken, device):
    site, (_, meant) = spoken, MAKERS[device]
    values = {signal: value for signal, (value, _) in meant.items()}
    assert site.stored(device)[ms(50)] == pytest.approx(values, rel=1e-9)
    words = [f"{SIGNALS[signal].name('vi')} <b>{shown}</b>" for signal, (_, shown) in meant.items()]
    row = site.row(device, *words)
    assert text("overview.real", "vi") in row and "flagged" not in row
    assert site.refused(device) == []


def test_the_same_event_again_is_a_duplicate(site):
    event = uplink(EUI["lse01"], 1, LSE01 | {"water_SOIL": "34.80"}, 40)
    once = site.publishes(event)
    before = site.stored("lse01")
    again = site.publishes(event, event)
    assert (again.duplicate - once.duplicate, again.stored, again.quarantined) == (
        2, once.stored, once.quarantined,
    )  # fmt: skip
    assert site.stored("lse01") == before


def test_a_frame_of_configuration_is_neither_refused_nor_missing(site):
    eui = EUI["configured"]
    before = site.books()
    after = site.publishes(
        uplink(eui, 10, LSE01, 30),
        uplink(eui, 11, {"SENSOR_MODEL": "LSE01", "FIRMWARE_VERSION": "1.1.4", "SUB_BAND": "NULL"}, 25),
        uplink(eui, 12, LSE01 | {"water_SOIL": "34.90"}, 20),
    )  # fmt: skip
    assert after.quarantined == before.quarantined
    assert sorted(site.stored("configured")) == [ms(30), ms(20)]
    assert "configured" not in site.missing()


def test_a_running_total_of_rain_gives_what_fell_between_two_events(site):
    totals = {30: 86.4, 20: 91.2, 10: 2.4}  # at last the device lost its count with its power
    for number, (ago, total) in enumerate(totals.items(), 2):
        site.publishes(uplink(EUI["wts506"], number, WTS506 | {"rainfall_total": total}, ago, "WTS506"))
    stored = site.stored("wts506")
    assert {ago: stored[ms(ago)].get("rainfall") for ago in totals if ago != 30} == {20: 4.8, 10: 2.4}
    assert site.row("wts506", f"{SIGNALS['rainfall'].name('vi')} <b>2,4 mm</b>")


def test_what_a_codec_complains_of_stands_in_the_quarantine(site):
    """The codec threw: the uplink has no object, and a log event says why. Other logs are ignored."""
    words = "JS error: ReferenceError: decoded is not defined, at line 12"
    books = site.publishes(
        uplink(EUI["broken"], 1, None, 5),
        lorawan.log(EUI["broken"], integration.UPLINK_CODEC, words),
        lorawan.log(EUI["broken"], integration.UPLINK_F_CNT_RETRANSMISSION, "Uplink was re-transmitted"),
    )
    assert books.balanced
    assert site.refused("broken") == [("no_object", ""), ("codec_failed", words)]
    assert site.stored("broken") == {}
    listed = done(site.hoiquan("quarantine", "list", "--lang", "en"))
    assert "ReferenceError" in listed
    assert "broken" not in site.missing()


@pytest.mark.parametrize("sign", [lorawan.join, lorawan.status])
def test_who_joins_or_tells_its_battery_is_alive(site, sign):
    before = site.lives("silent").get("last_seen", 0)
    site.publishes(sign(EUI["silent"]))
    lives = site.lives("silent")
    assert lives["last_seen"] > max(before, ms(10)) and lives["online"]
    assert site.stored("silent") == {} and site.refused("silent") == []


def test_a_probe_of_an_unknown_maker_joins_by_learning(site):
    said = {"VWC": "31.4", "Soil": {"T": 27.9}, "Vbat": 3580, "fw": "2.0"}
    before = site.books()
    books = site.publishes(uplink(EUI["stranger"], 5, said, 15))
    assert books.quarantined == before.quarantined + 1
    ((reason, field),) = site.refused("stranger")
    assert reason == "unknown_signal" and field in said  # an object of protobuf has no order
    take = ("soil_moisture=VWC:%", "soil_temperature=Soil.T:Cel", "battery_voltage=Vbat:mV")
    learnt = site.hoiquan("device", "learn", "--id", "stranger", "--maker", "Acme", "--lang", "en",
                          *(word for one in take for word in ("--take", one)))  # fmt: skip
    assert str(site.data / "probes" / "own-stranger.yaml") in done(learnt)
    kept = {"soil_moisture": 31.4, "soil_temperature": 27.9, "battery_voltage": 3.58, "rssi": -97}
    until("what was refused is stored", 10, lambda: ms(15) in site.stored("stranger"))
    assert site.stored("stranger")[ms(15)] == pytest.approx(kept)
    assert site.refused("stranger") == []
    site.publishes(uplink(EUI["stranger"], 6, said | {"VWC": "31.7"}, 1))
    assert site.stored("stranger")[ms(1)]["soil_moisture"] == 31.7
    assert site.row("stranger", "<b>31,7%</b>")
    assert site.settled(0).quarantined == before.quarantined


def test_who_listens_to_a_device_hears_what_its_network_server_says(site):
    words = ("device", "check", "--live", "--id", "trs12", "--number", "1", "--lang", "en")
    listener = Running(site.folder / "live.log", command(*words), **site.settings)
    until("it listens", 20, lambda: "Listening on" in listener.text())
    mine = things_stack(EUI["trs12"], 4, TRS12, 40, "decentlab", "dl-trs12")
    others = things_stack(EUI["lse01"], 9, {"Bat": 3.4}, 40, "dragino", "lse01")

    def heard():
        site.publishes(others, mine)
        return "Volumetric soil moisture = 31.2%" in listener.text()

    until("it heard the uplink", 30, heard)
    until("it ends by itself", 10, listener.ended)
    assert listener.stop() == 0
    assert "attery" not in listener.text().partition("soil moisture")[0]


def test_a_probe_file_of_ones_own_reads_a_device_on_its_own_topic(site):
    bridge = Publisher(site.port, "zigbee", site.passwords["zigbee"])
    received = site.books().received
    said = {"soil_moisture": 31, "battery": 88, "linkquality": 120}
    bridge.publish("hoiquan/v1/dong-thap/hoa-kieng-lai-vung/zigbee/telemetry", json.dumps(said))
    bridge.all_acknowledged()
    bridge.close()
    site.settled(received + 1)
    (values,) = site.stored("zigbee").values()
    assert values == {"soil_moisture": 31.0, "battery_level": 88.0}
    row = site.row("zigbee")
    assert "<b>31,0%</b>" in row and "<b>88%</b>" in row


def test_the_books_balance_and_nothing_is_missing(site):
    assert site.settled(0).balanced
    assert site.missing() == {}
    for running in site.running:
        assert not running.ended() and "Traceback" not in running.text(), running.text()
