"""`hoiquan device command` records its sender; `hoiquan advice off` works without the registry."""

import json

import pytest
from typer.testing import CliRunner

import hoiquan
from devices.access.acts import account
from devices.access.database import RegistryAway
from devices.installation import Shut
from devices.texts import Misuse
from gateway import actuators
from gateway.control.advisor import OFF
from gateway.control.ledger import SENDER, Entry

GATE = "tam-que-pump-controller-01"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "gateway").mkdir()
    return lambda *words: CliRunner().invoke(hoiquan.app, [*words, "--data", str(tmp_path)])


@pytest.mark.parametrize("by", ["", "An", "x" * 200])
def test_the_account_is_recorded_however_long_a_name_somebody_gives(run, monkeypatch, by):
    recorded = []

    def sent(settings, registry, ledger, device, actuator, value, until, by, wait):
        recorded.append(by)
        return Entry("c-1", device, actuator, value, by, 0, until, 1, True)

    monkeypatch.setattr(actuators, "dispatch", sent)
    assert run("device", "command", GATE, "pump", "on", "--by", by).exit_code == 0
    (who,) = recorded
    assert who.endswith(account() if not by else f" ({account()})") and who.startswith(by[:30])
    assert len(who) <= SENDER


@pytest.mark.parametrize("minutes", ["inf", "nan", "-1", "1e300"])
def test_a_time_that_is_none_is_refused_in_words(run, minutes):
    done = run("device", "command", GATE, "pump", "on", "--minutes", minutes)
    assert isinstance(done.exception, Misuse) and done.exception.key == "order.too_long"


def test_who_may_not_stop_them_is_told_whose_installation_it_is(run, monkeypatch, tmp_path):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refused)
    done = run("advice", "off")
    assert isinstance(done.exception, Shut) and str(tmp_path) in str(done.exception) and done.stdout == ""


def test_automatic_commands_stop_though_the_registry_is_away(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HOIQUAN_REGISTRY", "postgresql+psycopg://a:b@127.0.0.1:9/none")
    done = run("advice", "off", "--lang", "en")
    assert isinstance(done.exception, RegistryAway), "it is not written down, and that is said"
    assert (tmp_path / OFF).exists() and "hoiquan advice on" in done.stdout
    monkeypatch.delenv("HOIQUAN_REGISTRY")
    for _ in range(2):
        assert run("advice", "off").exit_code == 0
    recorded = json.loads(run("audit", "list", "--json").stdout)
    assert [one["what"] for one in recorded] == ["advice_off"], "once it can be, and once"
