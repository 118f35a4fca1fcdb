"""Every command that takes a path: an error with it is one line that names the path and what to do; and a
command outside an installation makes none.
"""

import pytest

from devices import credentials
from tests.loopback import free_port
from tests.system.running import done, hoiquan, one_line

PORTS = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
ONE = ("--community", "tam-que", "--model", "soil-probe", "--id", "my-esp32")
LOT = ("08936000000017", "L-1")
HOUR = ("--start", "2026-11-01T00:00:00Z", "--until", "2026-11-01T00:10:00Z", "--speed", "0")
LOCKED = "/sys"  # nobody can make a file there, whatever the rights

# command, with `{}` for a path that is wrong in one of the ways below
WRITTEN = {
    "enroll": ("device", "enroll", *ONE, "--qr", "{}.png"),
    "rotate": ("device", "rotate", "my-esp32", "--qr", "{}.svg"),
    "enroll-many": ("device", "enroll-many", "roll.csv", "--report", "{}.csv"),
    "label": ("trace", "label", *LOT, "--out", "{}.pdf"),
    "verifier": ("trace", "verifier", "--out", "{}.html"),
    "report": ("report", "--out", "{}.md"),
    "simulate": ("simulate", *HOUR, "--out", "{}.ndjson"),
    "truth": ("simulate", *HOUR, "--out", "-", "--truth", "{}.ndjson"),
    "describe": ("simulate", "describe", "--out", "{}.html"),
    "tokens": ("tokens", "--writer", "{}.token", "--reader", "r.token"),
}
READ = {
    "enroll-many": ("device", "enroll-many", "{}", "--report", "out.csv"),
    "check": ("device", "check", "{}"),
    "epcis": ("trace", "epcis", "{}"),
    "verify": ("trace", "verify", "{}"),
    "verify --proof": ("trace", "verify", "record.json", "--key", "log.vkey", "--proof", "{}"),
    "verify --key": ("trace", "verify", "record.json", "--key", "{}"),
    "verify --witnesses": ("trace", "verify", "record.json", "--key", "log.vkey", "--witnesses", "{}"),
    "cosign": ("trace", "cosign", "{}", "--witnesses", "log.vkey"),
    "cosign --witnesses": ("trace", "cosign", "record.json", "--witnesses", "{}"),
    "pilot": ("pilot", "check", "{}.yaml"),
    "--pilot": ("device", "list", "--pilot", "{}.yaml"),
    "scenario": ("simulate", "--store", "--data", "played", "--scenario", "{}.yaml"),
}
WITH_DATA = {
    "enroll": ("device", "enroll", *ONE),
    "enroll-many": ("device", "enroll-many", "roll.csv", "--report", "out.csv"),
    "list": ("device", "list"),
    "show": ("device", "show", "my-esp32"),
    "rotate": ("device", "rotate", "my-esp32"),
    "revoke": ("device", "revoke", "my-esp32"),
    "check": ("device", "check", "roll.csv", "--id", "my-esp32"),
    "command": ("device", "command", "thuan-tan-pump-controller-01", "pump", "on"),
    "commands": ("device", "commands"),
    "ca": ("ca",),
    "off": ("advice", "off"),
    "on": ("advice", "on"),
    "lots": ("trace", "list"),
    "lot": ("trace", "show", *LOT),
    "label": ("trace", "label", *LOT, "--out", "x.pdf"),
    "export": ("trace", "export", *LOT, "--out", "x"),
    "rotate-key": ("trace", "rotate-key"),
    "report": ("report", "--out", "x.md"),
    "refused": ("quarantine", "list"),
    "refused one": ("quarantine", "show", "1"),
    "replay": ("quarantine", "replay", "1"),
}
RUN = {
    "up": ("up", *PORTS),
    "gateway": ("gateway",),
    "web": ("web", *PORTS[:2]),
    "simulate": ("simulate", "--store", "--history", "1h", "--history-only"),
}


@pytest.fixture
def folder(tmp_path):
    """An installation, and files beside it."""
    credentials.environment(tmp_path / "data")
    (tmp_path / "roll.csv").write_text("id,community,model\n")
    (tmp_path / "record.json").write_text("{}")
    (tmp_path / "log.vkey").write_text("example.org/log+b0c3ab9c+AQHm\n")
    (tmp_path / "a-file").write_bytes(b"\xff\xfe")
    for ending in ("png", "svg", "csv", "pdf", "html", "md", "ndjson", "token", "yaml"):
        (tmp_path / f"a-folder.{ending}").mkdir()
    (tmp_path / "a-folder").mkdir()
    return tmp_path


def refused(folder, arguments, path, code=2, **settings):
    """The one line that names the error of the path. Code 1 is for judgements, and for what is away."""
    result = hoiquan(folder, *(one.format(path) for one in arguments), HOIQUAN_LANG="en", **settings)
    line = one_line(result, code)
    assert "Errno" not in line and "Traceback" not in line
    return line


def tell(name):
    return {"HOIQUAN_INFLUX_URL": "http://127.0.0.1:1"} if name == "tokens" else {}


@pytest.mark.parametrize("name", WRITTEN)
def test_where_nothing_can_be_written(folder, name):
    before = {path for path in folder.rglob("*") if path.parent != folder / "data"}
    missing = refused(folder, WRITTEN[name], "nowhere/out", **tell(name))
    assert "nowhere/out" in missing and "there is no folder nowhere; make it first" in missing
    assert "is a folder; name a file" in refused(folder, WRITTEN[name], "a-folder", **tell(name))
    locked = refused(folder, WRITTEN[name], f"{LOCKED}/out", **tell(name))
    assert f"{LOCKED}/out" in locked and "rights" in locked
    assert {path for path in folder.rglob("*") if path.parent != folder / "data"} == before


@pytest.mark.parametrize("name", READ)
def test_what_cannot_be_read(folder, name):
    missing = refused(folder, READ[name], "missing")
    assert "missing" in missing and missing.startswith(("hoiquan: there is no ", "hoiquan: no "))
    assert (
        "a-folder" in (line := refused(folder, READ[name], "a-folder")) and "is a folder; name a file" in line
    )


@pytest.mark.parametrize("arguments", [READ["enroll-many"], READ["cosign"], READ["cosign --witnesses"]])
def test_what_is_no_text(folder, arguments):
    line = refused(folder, arguments, "a-file")
    assert "a-file" in line and "UTF-8" in line


@pytest.mark.parametrize("path", ["a-file", "./a-folder"])
def test_a_pilot_that_is_no_yaml_file(folder, path):
    assert f"{path}: a pilot file's name must end in .yaml" in refused(folder, ("pilot", "check", "{}"), path)


@pytest.mark.parametrize("name", [*WITH_DATA, *RUN])
def test_data_that_is_a_file(folder, name):
    line = refused(folder, ({**WITH_DATA, **RUN}[name] + ("--data", "{}")), "a-file")
    assert "--data: a-file is a file; name a folder" in line


@pytest.mark.parametrize("name", WITH_DATA)
def test_a_command_beside_no_installation_says_so_and_makes_none(folder, name):
    line = refused(folder, WITH_DATA[name], "", HOIQUAN_DATA="elsewhere")
    if WITH_DATA[name][0] == "quarantine":
        assert "no spool at elsewhere/" in line and "--data" in line
    else:
        assert line == (
            "hoiquan: no installation in ./elsewhere: start `hoiquan up` there, or name its folder with "
            "--data"
        )
    assert not (folder / "elsewhere").exists()


@pytest.mark.parametrize("name", RUN)
def test_data_that_nobody_may_write_into(folder, name):
    line = refused(folder, (*RUN[name], "--data", "{}"), f"{LOCKED}/hoiquan")
    assert LOCKED in line and "rights" in line
    if name != "up":
        code = 1 if name == "simulate" else 2
        assert LOCKED in refused(folder, (*RUN[name], "--data", "{}"), LOCKED, code=code)


@pytest.mark.parametrize("name", ["lots", "refused"])
def test_a_file_that_sqlite_cannot_open_is_told_in_words(folder, name):
    """As on a read-only disk, or for a user without rights: the diary and the spool are folders here."""
    for path in ("trace/trace.sqlite", "gateway/spool.sqlite"):
        (folder / "data" / path).mkdir(parents=True)
    line = refused(folder, WITH_DATA[name], "")
    assert "); look a" in line, "the cause and the mend; which one it is, depends on SQLite"


def test_a_full_disk_is_named(folder):
    assert "no room left" in refused(folder, ("simulate", *HOUR, "--out", "{}"), "/dev/full")


def test_a_registry_that_is_none(folder):
    (folder / "data" / "registry.sqlite").write_text(
        "this is no database, and long enough to be looked at" * 50
    )
    assert "registry" in refused(folder, WITH_DATA["list"], "", code=1)


@pytest.mark.parametrize(
    "settings",
    [
        {"HOIQUAN_REGISTRY": "sqlite:///elsewhere.sqlite"},
        {"HOIQUAN_MOSQUITTO_PASSWORDS": "passwords", "HOIQUAN_GATEWAY_PASSWORD": "x"},
    ],
    ids=["a registry by URL", "Mosquitto's passwords"],
)
def test_an_installation_may_be_elsewhere(tmp_path, settings):
    said = done(hoiquan(tmp_path, "device", "enroll", *ONE, "--json", **settings))
    assert '"user": "my-esp32"' in said
    assert "my-esp32" in done(hoiquan(tmp_path, "device", "list", **settings))


def test_accounts_may_make_the_folder(tmp_path):
    settings = {"HOIQUAN_MOSQUITTO_PASSWORDS": str(tmp_path / "passwords"), "HOIQUAN_GATEWAY_PASSWORD": "x"}
    done(hoiquan(tmp_path, "accounts", **settings))
    assert (tmp_path / "data" / "registry.sqlite").exists()
    assert (tmp_path / "passwords").exists()


def test_a_secret_in_a_file(folder):
    line = refused(folder, ("config",), "", HOIQUAN_OPERATOR_PASSWORD_FILE="missing")
    assert "HOIQUAN_OPERATOR_PASSWORD_FILE" in line and "there is no missing" in line
    line = refused(folder, ("config",), "", HOIQUAN_OPERATOR_PASSWORD_FILE="a-file")
    assert "HOIQUAN_OPERATOR_PASSWORD_FILE" in line and "UTF-8" in line


@pytest.mark.parametrize(
    "arguments",
    [("gateway",), ("device", "check", "--live", "--id", "tam-que-soil-probe-01", "--number", "1")],
    ids=["gateway", "check"],
)
def test_a_ca_that_is_none(folder, arguments):
    settings = {"HOIQUAN_MQTT": "mqtts://127.0.0.1:1", "HOIQUAN_READER_PASSWORD": "x"}
    for path, cause in (
        ("missing", "No such file or directory"),
        ("a-folder", ""),
        ("a-file", ""),
        ("roll.csv", "no certificate"),
    ):
        result = hoiquan(folder, *arguments, HOIQUAN_MQTT_CA=path, HOIQUAN_LANG="en", **settings)
        assert result.returncode in (1, 2)
        line = result.stderr.splitlines()[-1]
        assert f"hoiquan: HOIQUAN_MQTT_CA names {path}, which is no CA certificate: " in line
        assert cause in line
        assert "Traceback" not in result.stderr


def test_secrets_that_are_broken(folder):
    (folder / "data" / "secrets.json").write_text("{")
    (folder / "data" / "running.json").write_text("{}")
    for arguments in (WITH_DATA["list"], RUN["up"]):
        assert "data/secrets.json is broken" in refused(folder, arguments, "")


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
@pytest.mark.parametrize("folder", ["file", "file/within", f"{LOCKED}/hoiquan"])
def test_a_broker_on_a_folder_that_takes_nothing_says_so_at_once(tmp_path, kind, folder):
    (tmp_path / "file").touch()
    settings = {"HOIQUAN_GATEWAY_PASSWORD": "x", "HOIQUAN_LANG": "en"}
    told = hoiquan(tmp_path, "broker", "--with", kind, "--data", folder, **settings)
    said = one_line(told, 2)
    assert folder.partition("/within")[0] in said
    assert any(mend in said for mend in ("name a folder", "name another", "look at its name")), said


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_a_broker_whose_registry_cannot_be_read_says_so_at_once(tmp_path, kind):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "registry.sqlite").write_bytes(b"no database" * 1000)
    settings = {"HOIQUAN_GATEWAY_PASSWORD": "x", "HOIQUAN_LANG": "en"}
    told = hoiquan(tmp_path, "broker", "--with", kind, "--data", "data", **settings)
    assert "registry" in one_line(told, 1)
