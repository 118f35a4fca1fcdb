"""Settings: what counts where nothing is given, and the address of the pages."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import hoiquan
from devices import installation
from devices.settings import Settings
from devices.texts import LANGS, Misuse, catalogue, text


@pytest.fixture(autouse=True)
def _nobody_gave_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOIQUAN_BASE_URL", raising=False)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "http://localhost:8080"),
        ("xn--hi-qun-tta5842d.vn", "http://xn--hi-qun-tta5842d.vn:8080"),
        ("192.168.1.5", "http://192.168.1.5:8080"),
        ("::1", "http://[::1]:8080"),
        ("fe80::1", "http://[fe80::1]:8080"),
    ],
)
def test_a_machine_s_name_or_address_makes_that_of_its_pages(host: str, address: str) -> None:
    settings = Settings.read().on_port(8080, host)
    assert settings.base_url == address
    assert Settings.read(base_url=address).base_url == address, "and who is told it takes it"


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("localhost", "http://localhost:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("::1", "http://[::1]:8080"),
        ("192.168.1.5", "http://192.168.1.5:8080"),
    ],
)
def test_commands_on_this_machine_look_for_the_pages_where_they_listen(bind: str, address: str) -> None:
    assert installation.places(Settings.read(), bind, 8080)["web_url"] == address


@pytest.mark.parametrize("host", [None, "vuon.example.org"])
@pytest.mark.parametrize(
    ("bind", "name"),
    [
        ("127.0.0.1", "localhost"), ("localhost", "localhost"), ("::1", "localhost"),
        ("127.0.0.2", "127.0.0.2"), ("192.168.1.5", "192.168.1.5"), ("2001:db8::5", "2001:db8::5"),
        ("vuon", "vuon"),
    ],
)  # fmt: skip
def test_pages_of_one_address_are_linked_to_at_that_address(bind: str, name: str, host: str | None) -> None:
    """On a machine with several interfaces the default route may be through another."""
    assert installation.reached_as(bind, host) == (host or name)


def test_pages_of_all_addresses_are_linked_to_at_one_that_others_reach() -> None:
    for everywhere in ("0.0.0.0", "::"):
        assert installation.reached_as(everywhere, None) not in (everywhere, "localhost")


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("hội-quán.vn", "xn--hi-qun-tta5842d.vn"), ("a b", "--host a b"), ("example.org:80", "without port"),
        ("10.0.0.1:80", "without port"), ("http://example.org", "without port"), ("fe80::1%eth0", "eth0"),
        ("x" * 99 + "ộ", "xn--…"), ("", "--host"),
    ],
)  # fmt: skip
def test_what_no_address_can_name_is_refused_where_it_is_given(host: str, says: str) -> None:
    with pytest.raises(Misuse) as refused:
        Settings.read().on_port(8080, host)
    assert refused.value.key == "setting.host" and says in str(refused.value)


def test_a_folder_keeps_of_which_pilot_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later commands that name no pilot show the one that `hoiquan up --pilot` ran there."""
    monkeypatch.delenv("HOIQUAN_PILOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Settings.read(data=tmp_path).pilot == "dong-thap"
    installation.environment(Settings.read(data=tmp_path, pilot="binh-duong"), "vi")
    assert Settings.read(data=tmp_path).loaded_pilot.pilot == "binh-duong"
    assert Settings.read(data=tmp_path, pilot="quang-tri").pilot == "quang-tri", "who names one has it"
    installation.environment(Settings.read(data=tmp_path, pilot="mine.yaml"), "vi")
    assert Settings.read(data=tmp_path).pilot == str(tmp_path / "mine.yaml"), "found from any folder"
    monkeypatch.setenv("HOIQUAN_PILOT", "quang-ngai")
    assert Settings.read(data=tmp_path).pilot == "quang-ngai"


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty HOIQUAN_MQTT_CA or HOIQUAN_DATA is no path, as that would be the current folder."""
    for variable in [name for name in os.environ if name.startswith("HOIQUAN_")]:
        monkeypatch.delenv(variable)
    unset = Settings.read()
    for name in Settings.model_fields:
        monkeypatch.setenv(f"HOIQUAN_{name.upper()}", "")
        monkeypatch.setenv(f"HOIQUAN_{name.upper()}_FILE", "")
    assert Settings.read() == unset and unset.again("gateway_password") == ""


def test_settings_may_be_set_as_they_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.read()
    shown = json.loads(CliRunner().invoke(hoiquan.app, ["config", "--json"]).stdout)
    for variable, value in shown.items():
        monkeypatch.setenv(variable, value)
    assert Settings.read() == settings


@pytest.mark.parametrize("lang", LANGS)
def test_each_setting_is_explained_in_the_readers_language(lang: str) -> None:
    named = {key for key in catalogue() if key.startswith("config.")}
    assert named == {f"config.{name}" for name in Settings.model_fields}
    said = CliRunner().invoke(hoiquan.app, ["config", "--lang", lang], env={"COLUMNS": "80"}).stdout
    assert [line.strip() for line in said.splitlines() if line.startswith("    ")] == [
        text(f"config.{name}", lang) for name in Settings.model_fields
    ]
