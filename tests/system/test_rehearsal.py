"""`hoiquan up --scenario` plays a scenario once and shows it; its folder serves no other scenario."""

from urllib.error import URLError
from urllib.request import urlopen

from devices.pilots import scenario, written
from sim.rehearsal import PLAYED
from tests.loopback import free_port
from tests.system.running import ROOT, Running, command, done, hoiquan, one_line, until

PILOTS = ROOT / "devices" / "pilots"
SHORT = """\
name: {vi: "Hai ngày", en: "Two days"}
happens: {vi: "Mưa.", en: "It rains."}
start: 2026-10-01
until: 2026-10-03
interval_minutes: 360
events: [{kind: rain, start: 2026-10-02, stop: 2026-10-03, mm: 80}]
"""


def get(port, path):
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read().decode()
    except (URLError, ConnectionError):
        return ""


def test_it_is_played_once_and_shown_again(tmp_path):
    (tmp_path / "short.yaml").write_text(SHORT, "utf-8")
    folder = tmp_path / "data" / "rehearsals" / "short"
    for played_before in (False, True):
        if played_before:  # a new wording does not make another scenario
            words = SHORT.replace("Mưa.", "Mưa to.")
            (tmp_path / "short.yaml").write_text(words, "utf-8")
        port = free_port()
        up = Running(
            tmp_path / f"up-{played_before}.log",
            command("up", "--scenario", "short.yaml", "--http-port", str(port)),
        )
        try:
            page = until("the pages of the rehearsal", 60, lambda port=port: get(port, "/"))
            assert "Diễn tập: Hai ngày" in page and 'href="/scenarios"' in page
            assert ("Mưa to." if played_before else "Mưa.") in get(port, "/scenarios")
            assert ("messages of history" in up.text()) is not played_before
        finally:
            up.stop()
    assert scenario.held(folder) == scenario.load(str(tmp_path / "short.yaml"))
    (tmp_path / "short.yaml").write_text(SHORT.replace("80", "90"), "utf-8")
    assert "kịch bản khác" in one_line(hoiquan(tmp_path, "up", "--scenario", "short.yaml"), 2)
    for words in (("up",), ("gateway",), ("simulate", "--store", "--history", "1h", "--history-only")):
        assert "đang giữ một cuộc diễn tập" in one_line(hoiquan(tmp_path, *words, "--data", str(folder)), 2)


def test_what_a_scenario_decides_is_not_asked_for_beside_it(tmp_path):
    words = ("--scenario", "theft", "--history", "3d", "--rollout", "late", "--mqtt-port", "1884")
    line = one_line(hoiquan(tmp_path, "up", *words, "--broker", "amqtt"), 2)
    assert "--history, --rollout, --mqtt-port, --broker" in line
    usual = ("--history", "30d", "--seed", "1")  # the default values, but given explicitly
    assert "hãy bỏ --history, --seed" in one_line(hoiquan(tmp_path, "up", "--scenario", "theft", *usual), 2)
    assert "salt-2020" in one_line(hoiquan(tmp_path, "up", "--scenario", "nowhere"), 2)
    assert not (tmp_path / "data").exists()


def test_scenarios_and_causes_are_listed(tmp_path):
    listed = done(hoiquan(tmp_path, "simulate", "scenarios"))
    for path in scenario.HERE.glob("*.yaml"):
        assert f"hoiquan up --scenario {path.stem}" in listed
    assert "ranh mặn" in listed
    table = done(hoiquan(tmp_path, "simulate", "adoption", "--lang", "en"))
    assert "Visits" in table and "55.8%" in table and "207" in table
    assert "27.5%" in done(hoiquan(tmp_path, "simulate", "adoption", "--rollout", "drop-out", "--lang", "en"))


def test_who_takes_part_in_a_scenario_is_as_it_is_played_and_seed_0_is_a_seed(tmp_path):
    def table(*words):
        return done(hoiquan(tmp_path, "simulate", "adoption", *words, "--lang", "en"))

    planned = table()
    assert table("--scenario", "decade") == planned != table("--scenario", "budget-cut")
    assert table("--scenario", "drop-out") == table("--rollout", "drop-out")
    assert table("--seed", "0") != planned == table("--seed", "1")
    no_scenario = hoiquan(tmp_path, "simulate", "describe", "--scenario", "theft")
    assert "simulate describe không nhận --scenario" in one_line(no_scenario, 2)


def test_a_year_outside_the_simulated_world_is_refused(tmp_path):
    for year in ("0", "2019", "10000"):
        assert "từ 2020 đến 2199" in one_line(hoiquan(tmp_path, "simulate", "describe", "--year", year), 2)


def test_every_command_names_a_mark_that_it_cannot_read(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / written.SCENARIO).write_text('{"name":')
    play = ("--scenario", "theft", "--data", "bad")
    for words in (("up", *play), ("simulate", "--store", *play), ("web", "--data", "bad")):
        assert "bad/scenario.json không đọc được" in one_line(hoiquan(tmp_path, *words), 2)


def test_a_part_of_the_fleet_is_not_the_whole_rehearsal(tmp_path):
    (tmp_path / "short.yaml").write_text(SHORT, "utf-8")
    for shard in ("1/60", "1/1"):
        play = ("simulate", "--scenario", "short.yaml", "--store", "--data", "some", "--shard", shard)
        done(hoiquan(tmp_path, *play))
        assert (tmp_path / "some" / PLAYED).exists() is (shard == "1/1")


def test_a_folder_is_shown_as_the_province_that_it_is_of(tmp_path):
    """A later command names the folder and no pilot; it must not show the default pilot over that folder."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "binh-duong.yaml").write_bytes((PILOTS / "binh-duong.yaml").read_bytes())
    (tmp_path / "short.yaml").write_text(SHORT + "pilot: mine/binh-duong.yaml\n", "utf-8")
    done(hoiquan(tmp_path, "simulate", "--scenario", "short.yaml", "--store", "--data", "other"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    of, out = ("--data", str(tmp_path / "other")), ("--out", "report.md")
    for settings in ({}, {"HOIQUAN_PILOT": "quang-tri"}):
        done(hoiquan(elsewhere, "report", *of, *out, **settings))
        made = (elsewhere / "report.md").read_text("utf-8")
        assert "BÌNH DƯƠNG" in made.upper() and "QUẢNG TRỊ" not in made.upper()
    refused = one_line(hoiquan(elsewhere, "web", *of, "--pilot", "quang-tri"), 2)
    assert "diễn tập của thí điểm" in refused and "bỏ --pilot" in refused
    (tmp_path / "mine" / "binh-duong.yaml").rename(tmp_path / "moved.yaml")
    done(hoiquan(elsewhere, "report", *of, *out, "--pilot", str(tmp_path / "moved.yaml")))
