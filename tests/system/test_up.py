"""`hoiquan up`, the one command of a newcomer: pages, a first sensor, a lot, the end, and the next start."""

import io
import json
import shlex
import shutil
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime

import pytest
from PIL import Image

from devices.texts import text
from tests.scanner import codes
from tests.system.running import SLOWER, Publisher, alive, done, hoiquan, one_line, until
from tests.system.up import PARTS, Up

SOON = 5.0  # seconds until a reading is on the page; far fewer where nothing else runs


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    started = Up(tmp_path_factory.mktemp("up"))
    yield started
    started.running.stop(signal.SIGINT)


def device(up, given, **client):
    return Publisher(up.mqtt, given["user"], given["password"], **client)


def test_the_first_page_shows_the_three_targets(up):
    page = up.get("/").decode()
    rows = {row["indicator"]: row for row in up.json("/api/v1/indicators")["rows"]}
    assert set(rows) == {"iot_communities", "smart_villages", "traceability_share"}
    for indicator in rows:
        assert text(f"overview.{indicator}", "vi") in page
    for year, value in (("2025", "7"), ("2030", "14")):
        assert text("overview.target", "vi", year=year, value=value) in page
    for indicator in ("iot_communities", "smart_villages"):
        assert rows[indicator]["target"] in (7, 14)
    assert max(row["value"] for row in rows.values()) > 0
    for row in rows.values():
        assert row["gap"] == pytest.approx(row["value"] - row["target"])
    assert up.get("/healthz") == b"ok\n"
    assert b"hoiquan_gateway_received" in until("the first books", 15, lambda: up.get("/metrics"))


def test_a_stranger_sends_one_line_and_is_seen(up):
    given = up.enroll("my-esp32")
    assert (given["host"], given["port"]) == ("127.0.0.1", up.mqtt)
    assert given["user"] == given["client_id"] == "my-esp32"
    assert given["topic"] == "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry"
    words = shlex.split(given["line"])
    assert words[words.index("-m") + 1] == '{"values":{"soil_moisture":31.5}}'
    if shutil.which("mosquitto_pub"):
        subprocess.run(words, check=True, timeout=10 * SLOWER)
    else:
        publisher = device(up, given)
        publisher.publish(given["topic"], words[words.index("-m") + 1])
        publisher.close()
    until("the reading in the open data", SOON, lambda: up.says("my-esp32", "soil_moisture", 31.5))

    def row():
        return up.get("/").decode().partition("my-esp32")[2].partition("</tr>")[0]

    until("the reading on the page", SOON, lambda: "31,5" in row())
    assert text("overview.real", "vi") in row()


def test_a_wrong_password_is_refused(up):
    given = up.enroll("careful")
    for password in ("x", "", given["password"][:-1]):
        assert device(up, given | {"password": password}).refused
    assert device(up, {"user": "nobody", "password": "x"}).refused
    assert not device(up, given).refused


def test_a_device_speaks_for_itself_alone(up):
    honest, liar = up.enroll("honest"), up.enroll("liar")
    publisher = device(up, honest)
    publisher.publish(honest["topic"], '{"values":{"soil_moisture":20.25}}')
    until("the honest reading", 15, lambda: up.says("honest", "soil_moisture", 20.25))
    publisher.close()
    publisher = device(up, liar)
    publisher.publish(honest["topic"], '{"values":{"soil_moisture":99.0}}')
    publisher.publish(
        "hoiquan/v1/dong-thap/tam-que/tam-que-soil-probe-01/telemetry", '{"values":{"co2":999}}'
    )
    publisher.close()
    publisher = device(up, liar)  # the broker may have disconnected the liar
    publisher.publish(liar["topic"], '{"values":{"soil_moisture":21.25}}')
    until("the liar's own reading", 15, lambda: up.says("liar", "soil_moisture", 21.25))
    publisher.close()
    assert up.says("honest", "soil_moisture", 20.25)
    assert up.refused() <= {"forbidden_topic"}  # or none, where the broker stopped it before the gateway


def test_nobody_listens_to_anothers_topics(up):
    curious, talker = up.enroll("curious"), up.enroll("talker")
    ear = device(up, curious, hears="hoiquan/#")
    publisher = device(up, talker)
    publisher.publish(talker["topic"], '{"values":{"soil_moisture":22.5}}')
    until("the reading", 15, lambda: up.says("talker", "soil_moisture", 22.5))
    assert ear.heard == []  # not even the retained statuses of other devices
    publisher.close()
    ear.close()


def test_a_client_id_is_not_taken_over(up):
    victim, thief = up.enroll("victim"), up.enroll("thief")
    publisher = device(up, victim)
    taker = device(up, thief, client_id="victim")
    # the thief is refused, or gets a session of its own, as by Mosquitto's use_username_as_clientid
    publisher.publish(victim["topic"], '{"values":{"soil_moisture":23.5}}')
    until("the victim's reading", 15, lambda: up.says("victim", "soil_moisture", 23.5))
    assert publisher.connections == 1
    publisher.close()
    taker.close()


def test_a_device_may_speak_the_moment_it_is_enrolled(up):
    # Another device sends, so that broker and gateway have read the registry just before.
    chatter = device(up, up.enroll("chatter"))
    halt = threading.Event()

    def chat():
        while not halt.wait(0.02):
            chatter.publish("hoiquan/v1/dong-thap/tam-que/chatter/telemetry", '{"values":{"co2":400}}')

    talking = threading.Thread(target=chat)
    talking.start()
    try:
        for number in range(4):
            name = f"eager-{number}"
            publisher = Publisher(up.mqtt, name, up.enroll(name)["password"])
            assert not publisher.refused, f"{name}: {publisher.refused}"
            topic = f"hoiquan/v1/dong-thap/tam-que/{name}/telemetry"
            publisher.publish(topic, '{"values":{"soil_moisture":24.5}}')
            until("the reading", 15, lambda name=name: up.says(name, "soil_moisture", 24.5))
            publisher.close()
    finally:
        halt.set()
        talking.join()
        chatter.close()


def test_a_command_moves_an_actuator_and_the_checker_listens_beside_it(up):
    """Without options: address and passwords are those of the `up` that runs on the folder."""
    pump = "thuan-tan-pump-controller-01"
    said = up.hoiquan("device", "command", pump, "pump", "on", "--minutes", "5", "--json")
    assert json.loads(done(said))["ok"] is True
    listed = json.loads(done(up.hoiquan("device", "commands", "--json")))
    assert (listed[0]["device"], listed[0]["answered"] is not None) == (pump, True)
    silent = up.hoiquan("device", "check", "--live", "--id", pump, "--number", "1", "--seconds", "0.1")
    assert silent.returncode in (0, 1)
    assert "does not let" not in silent.stderr


def test_revoking_shuts_out(up):
    given = up.enroll("leaver")
    publisher = device(up, given)
    publisher.publish(given["topic"], '{"values":{"soil_moisture":25.5}}')
    until("the reading", 15, lambda: up.says("leaver", "soil_moisture", 25.5))
    done(up.hoiquan("device", "revoke", "leaver"))
    until("a refused connection", 5, lambda: device(up, given).refused)
    # over the connection that it still has
    publisher.publish(given["topic"], '{"values":{"soil_moisture":26.5}}')
    other = up.enroll("stayer")
    staying = device(up, other)
    staying.publish(other["topic"], '{"values":{"soil_moisture":27.5}}')
    until("a later reading", 15, lambda: up.says("stayer", "soil_moisture", 27.5))
    assert up.says("leaver", "soil_moisture", 25.5)  # its earlier reading stays
    for one in (publisher, staying):
        one.close()
    assert "leaver" in one_line(up.hoiquan("device", "revoke", "leaver"), 2)


@pytest.fixture(scope="module")
def lot(up):
    """A harvest as a secretary writes it down, and the key of its sealed lot."""
    given = up.enroll("notebook", "diary")
    before = {row["lot"] for row in json.loads(done(up.hoiquan("trace", "list", "--json", "--limit", "100")))}
    publisher = device(up, given)
    topic = given["topic"].replace("/telemetry", "/diary")
    harvest = {"event": "harvest", "id": "by-hand-1", "ts": datetime.now(UTC).isoformat(timespec="seconds"),
               "plot": "plot-8", "crop": "mango", "quantity_kg": 120.0}  # fmt: skip
    publisher.publish(topic, json.dumps(harvest))
    publisher.publish(topic, json.dumps(harvest))  # a repeated event counts once
    publisher.close()

    def sealed():
        rows = json.loads(done(up.hoiquan("trace", "list", "--json", "--limit", "100")))
        mine = [r for r in rows if r["community"] == "tam-que" and r["lot"] not in before]
        mine = [r for r in mine if r["quantity_kg"] == 120.0]  # the simulator may harvest there today
        return mine if mine and mine[0]["leaf"] is not None else None

    (row,) = until("a sealed lot", 60, sealed)
    return row


def test_a_lots_page_is_verified_and_its_code_leads_to_it(up, lot):
    path = f"/01/{lot['gtin']}/10/{lot['lot']}"
    page = up.get(path).decode()
    assert text("page.verified", "vi", index=lot["leaf"]) in page
    assert (
        text("page.verified", "en", index=lot["leaf"]) in up.get(path, **{"Accept-Language": "en"}).decode()
    )
    (code,) = codes(Image.open(io.BytesIO(up.get(f"{path}/qr.png"))))
    assert code.text == f"http://localhost:{up.http}{path}"
    until("the overview is drawn again and has it", 60, lambda: path in up.get("/").decode())
    record = up.json(f"{path}/record.json")
    assert record["simulated"] is False
    assert record["quantity_kg"]["value"] == 120.0
    assert record["conditions"]["coverage"] > 0
    assert up.json(f"{path}/epcis.json")["type"] == "EPCISDocument"


def test_a_label_leads_where_the_page_does(up, lot, tmp_path):
    name = ("trace", "label", lot["gtin"], lot["lot"], "--out", str(tmp_path / "label.png"))
    here = f"http://localhost:{up.http}"
    refused = one_line(up.hoiquan(*name), 2)
    assert here in refused
    assert "HOIQUAN_BASE_URL" in refused
    assert here in done(up.hoiquan(*name, "--rehearsal"))
    (code,) = codes(Image.open(tmp_path / "label.png"))
    assert code.text == f"{here}/01/{lot['gtin']}/10/{lot['lot']}"


def test_a_wrong_link_says_what_is_wrong(up, lot):
    digit = str((int(lot["gtin"][13]) + 1) % 10)
    assert up.status(f"/01/{lot['gtin'][:13]}{digit}/10/{lot['lot']}") == 400
    assert up.status(f"/01/{lot['gtin']}/10/NONE-0000") == 404
    assert up.status(f"/01/{lot['gtin']}/10/..%2F..%2Flot") in (400, 404)
    assert up.status("/log/..%2f..%2fsecrets.json") == 404
    assert up.status("/log/../lot.secret") == 404


@pytest.fixture(scope="module")
def exported(up, lot, tmp_path_factory):
    """A folder with the lot's record, proof and key."""
    folder = tmp_path_factory.mktemp("exported")
    done(up.hoiquan("trace", "export", lot["gtin"], lot["lot"], "--out", str(folder)))
    return folder


def test_a_lot_verifies_offline(exported, lot, tmp_path):
    said = done(hoiquan(tmp_path, "trace", "verify", str(exported / f"{lot['lot']}.json"), "--lang", "en"))
    assert said.startswith(f"verified: lot {lot['lot']} of GTIN {lot['gtin']} is leaf {lot['leaf']} of ")


@pytest.mark.parametrize(
    ("suffix", "behind", "skip", "word"),
    [
        (".json", b'"quantity_kg":{"known":"declared","value":1', 0, "record"),  # 120 kg become 130
        (".json", b'{"', 0, "record"),
        (".tlog-proof", b"\nindex ", 0, "proof"),
        (".tlog-proof", b"c2sp.org/", 0, "proof"),
        (".tlog-proof", "\n\n— ".encode(), 60, "checkpoint"),  # its signature
        (".vkey", b"+", 20, "key"),
    ],
    ids=["record", "record's form", "index", "header", "signature", "key"],
)
def test_one_flipped_byte_fails_and_is_named(exported, lot, tmp_path, suffix, behind, skip, word):
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    record = tmp_path / f"{lot['lot']}.json"
    file = tmp_path / "log.vkey" if suffix == ".vkey" else record.with_suffix(suffix)
    data = bytearray(file.read_bytes())
    data[data.index(behind) + len(behind) + skip] ^= 1
    file.write_bytes(data)
    result = hoiquan(tmp_path, "trace", "verify", str(record), "--lang", "en")
    assert result.returncode == 1, result
    assert not result.stdout
    (line,) = result.stderr.strip().splitlines()
    assert word in line


def test_ctrl_c_ends_all_and_the_next_start_goes_on(up):
    given = up.enroll("keeper")
    publisher = device(up, given)
    publisher.publish(given["topic"], '{"values":{"soil_moisture":28.5}}')
    until("the reading", 15, lambda: up.says("keeper", "soil_moisture", 28.5))
    publisher.close()
    before, group = up.books(), up.children()
    assert len(group) == len(PARTS), group
    began = time.monotonic()
    assert up.running.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 5 * SLOWER
    assert not [pid for pid in group if alive(pid)]
    assert "Traceback" not in up.running.text(), up.running.text()
    assert "killed" not in up.running.text(), up.running.text()
    between = up.books()
    assert between.balanced
    assert between.received >= before.received
    up.start()
    assert up.says("keeper", "soil_moisture", 28.5)
    assert "keeper" in up.get("/").decode()
    publisher = device(up, given)
    publisher.publish(given["topic"], '{"values":{"soil_moisture":29.5}}')
    until("a reading after the second start", SOON, lambda: up.says("keeper", "soil_moisture", 29.5))
    publisher.close()
    after = until("settled books", 10, lambda: (b := up.books()).spooled == 0 and b)
    assert after.received > between.received
    assert after.balanced


@pytest.mark.parametrize("clean", [True, False], ids=["clean session", "kept session"])
def test_a_stranger_with_the_gateways_client_id_does_not_deafen_it(up, clean):
    # the stranger does not know the password, so the embedded broker must keep the gateway's session
    given = up.enroll(f"patient-{clean}".lower())
    publisher = device(up, given)
    try:
        stranger = Publisher(up.mqtt, "gateway", "guessed", client_id="gateway", clean=clean)
        assert stranger.refused
        publisher.publish(given["topic"], '{"values":{"soil_moisture":30.5}}')
        until("the reading", 4, lambda: up.says(given["user"], "soil_moisture", 30.5))
    except pytest.fail.Exception:
        up.running.stop(signal.SIGINT)  # otherwise every later test would find a deaf gateway
        up.start()
        raise
    finally:
        publisher.close()


def test_kill_of_the_parent_leaves_nobody_behind(up):  # the last of those that share `up`
    group = up.children()
    assert len(group) == len(PARTS), group
    up.running.stop(signal.SIGKILL)
    until("the end of all children", 6, lambda: not [pid for pid in group if alive(pid)])
