"""`hoiquan ca` gives the CA in the forms that devices take."""

import hashlib
import os
import ssl
import subprocess

import pytest

from devices.texts import text
from tests.system.running import command, done, environment, hoiquan, one_line


@pytest.fixture
def folder(tmp_path):
    """The folder of an installation."""
    (tmp_path / "data" / "gateway").mkdir(parents=True)
    return tmp_path


def raw(folder, *words):
    """The command's stdout as bytes, and its stderr."""
    run = subprocess.run(
        command("ca", *words), cwd=folder, env=environment(), capture_output=True, timeout=30, check=True
    )
    return run.stdout, run.stderr.decode()


def test_pem_to_standard_output_and_der_of_the_same_certificate(folder):
    pem, beside = raw(folder)
    der, again = raw(folder, "--der")
    assert pem == (folder / "data" / "ca" / "ca.pem").read_bytes()
    assert ssl.PEM_cert_to_DER_cert(pem.decode()) == der
    assert beside == again
    assert hashlib.sha256(der).hexdigest() in beside


@pytest.mark.parametrize("words", [(), ("--der",)], ids=["pem", "der"])
def test_into_a_file(folder, words):
    expected, _ = raw(folder, *words)
    assert done(hoiquan(folder, "ca", *words, "--out", "ca.out")) == ""
    assert (folder / "ca.out").read_bytes() == expected
    said = one_line(hoiquan(folder, "ca", *words, "--out", "ca.out"), 2)
    assert said == f"hoiquan: {text('path.exists', 'vi', path='ca.out')}"
    said = one_line(hoiquan(folder, "ca", *words, "--out", "no/ca.out"), 2)
    assert said == f"hoiquan: {text('path.no_folder_to_write', 'vi', path='no/ca.out', folder='no')}"
    assert (folder / "ca.out").read_bytes() == expected


def test_der_is_no_text_for_a_terminal(folder):
    ours, terminal = os.openpty()
    try:
        run = subprocess.run(
            command("ca", "--der"), cwd=folder, env=environment(), stdout=terminal, stderr=subprocess.PIPE,
            timeout=30, check=False,
        )  # fmt: skip
    finally:
        os.close(terminal)
        os.close(ours)
    assert run.returncode == 2
    assert run.stderr.decode().splitlines() == [f"hoiquan: {text('ca.der', 'vi')}"]


@pytest.mark.parametrize("name", ["HOIQUAN_MQTT", "HOIQUAN_PUBLIC_MQTT"])
def test_an_address_that_is_none_is_one_line(folder, name):
    said = one_line(hoiquan(folder, "ca", **{name: "mqtt.example.vn:8883"}), 2)
    assert said == f"hoiquan: {text('setting.broker', 'vi', address='mqtt.example.vn:8883')}"
