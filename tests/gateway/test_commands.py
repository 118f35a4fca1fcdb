"""`hoiquan quarantine …` beside a gateway's spool."""

import json
from contextlib import closing

import pytest
from typer.testing import CliRunner

import hoiquan
from devices.texts import LANGS, text
from gateway.ingest.message import Message, Outcome, Refusal
from gateway.ingest.spool import Spool
from gateway.instance import files


@pytest.fixture(params=["gateway-1", "gateway-2"])
def instance(request):
    return request.param


@pytest.fixture
def spool(tmp_path, instance):
    with closing(Spool(files(tmp_path, instance).spool)) as made:
        messages = [Message("hoiquan/v1/p/c/d/telemetry", b"payload %d" % n, 1000 + n) for n in range(4)]
        made.append(messages)
        made.settle(made.pending(9), Outcome(refused=[Refusal(m, "not_json", "") for m in messages]))
        yield made


def run(tmp_path, *words, instance):
    return CliRunner().invoke(
        hoiquan.app, ["quarantine", *words, "--data", str(tmp_path), "--instance", instance]
    )


def test_refused_messages_are_listed_with_how_many_are_not_kept_any_more(spool, tmp_path, instance):
    spool.forget(1002, 10**9)
    for lang in LANGS:
        said = run(tmp_path, "list", "--lang", lang, instance=instance)
        assert said.exit_code == 0
        assert text("quarantine.total", lang, refused=4, forgotten=2) in said.stdout
    rows = json.loads(run(tmp_path, "list", "--json", instance=instance).stdout)
    assert [row["payload"] for row in rows] == ["payload 3", "payload 2"]
    spool.forget(2000, 10**9)
    said = run(tmp_path, "list", instance=instance)
    assert text("quarantine.none_kept", "vi") in said.stdout
    assert spool.books().balanced


def test_one_is_shown_and_tried_again_while_the_gateway_has_the_spool(spool, tmp_path, instance):
    number = spool.quarantined()[0].id
    assert json.loads(run(tmp_path, "show", str(number), instance=instance).stdout)["payload"] == "payload 3"
    assert run(tmp_path, "show", "999", instance=instance).exit_code == 1
    again = run(tmp_path, "replay", str(number), instance=instance).stdout
    assert text("quarantine.again", "vi", count=1) in again
    again = run(tmp_path, "replay", "--all", "--lang", "en", instance=instance).stdout
    assert text("quarantine.again", "en", count=3) in again
    assert len(spool.pending(9).messages) == 4
    assert run(tmp_path, "replay", "--all", instance=instance).exit_code == 1, "nothing is left to try"


def test_another_instance_has_another_spool(spool, tmp_path, instance):
    other = "gateway-2" if instance == "gateway-1" else "gateway-1"
    result = run(tmp_path, "list", instance=other)
    assert isinstance(result.exception, ValueError)
    assert "--data" in str(result.exception)
