"""The CA of the broker's certificate: made once, renewed in time, and never silently replaced."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from devices.access import authority
from devices.access.authority import AuthorityError, fingerprint, prepare
from devices.access.authority import authority as ca

HOSTS = ["mqtt.example.vn", "localhost", "127.0.0.1"]


def server(folder):
    return x509.load_pem_x509_certificate((folder / authority.SERVER).read_bytes())


def test_it_is_made_once(tmp_path) -> None:
    assert prepare(tmp_path / "ca", tmp_path / "broker", HOSTS)
    first = ca(tmp_path / "ca")
    assert not prepare(tmp_path / "ca", tmp_path / "broker", HOSTS)
    assert ca(tmp_path / "ca") == first
    server(tmp_path / "broker").verify_directly_issued_by(first)
    for key in (tmp_path / "ca" / authority.CA_KEY, tmp_path / "broker" / authority.SERVER_KEY):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(fingerprint(first)) == 64


def test_a_certificate_is_renewed_before_it_ends_and_for_other_hosts(tmp_path, monkeypatch) -> None:
    ours, broker = tmp_path / "ca", tmp_path / "broker"
    monkeypatch.setattr(authority, "SERVER_DAYS", authority.RENEW_DAYS - 1)
    prepare(ours, broker, HOSTS)
    old = server(broker)
    monkeypatch.undo()
    assert prepare(ours, broker, HOSTS)
    assert server(broker).not_valid_after_utc > datetime.now(UTC) + timedelta(days=authority.RENEW_DAYS)
    assert server(broker).serial_number != old.serial_number
    assert prepare(ours, broker, ["another.vn"])
    names = server(broker).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["another.vn"]


def test_a_certificate_of_another_ca_is_replaced(tmp_path) -> None:
    prepare(tmp_path / "a", tmp_path / "broker", HOSTS)
    assert prepare(tmp_path / "b", tmp_path / "broker", HOSTS)
    server(tmp_path / "broker").verify_directly_issued_by(ca(tmp_path / "b"))


def test_what_is_broken_is_named_and_not_made_again(tmp_path) -> None:
    """Another CA would lock out every device that trusts this one."""
    ours = tmp_path / "ca"
    with pytest.raises(AuthorityError, match="hoiquan ca"):
        ca(ours)
    prepare(ours, tmp_path / "broker", HOSTS)
    whole = (ours / authority.CA).read_bytes()
    (ours / authority.CA).write_bytes(whole[:100])
    with pytest.raises(AuthorityError, match=r"ca\.pem.*backup"):
        prepare(ours, tmp_path / "broker", HOSTS)
    (ours / authority.CA).write_bytes(whole)
    for wrong in (b"", (tmp_path / "broker" / authority.SERVER_KEY).read_bytes()):
        (ours / authority.CA_KEY).write_bytes(wrong)
        with pytest.raises(AuthorityError, match=r"ca\.key.*backup"):
            prepare(ours, tmp_path / "broker", ["another.vn"])


def test_a_start_that_was_cut_off_is_finished(tmp_path) -> None:
    ours = tmp_path / "ca"
    prepare(ours, tmp_path / "broker", HOSTS)
    (ours / authority.CA_KEY).unlink()
    assert prepare(ours, tmp_path / "broker", HOSTS)
    server(tmp_path / "broker").verify_directly_issued_by(ca(ours))
