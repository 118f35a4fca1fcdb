"""Passwords in Mosquitto's own form: each side accepts what the other made."""

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.credentials import hash_password, new_password, simulated_password, verify_password
from tests.programs import program

# without NUL, since HMAC pads its key with NULs, so that trailing ones make no difference
PASSWORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(PASSWORDS, PASSWORDS)
def test_a_password_opens_its_own_hash_alone(password, other):
    stored = hash_password(password)
    assert verify_password(password, stored)
    assert verify_password(other, stored) is (other == password)
    assert hash_password(password) != stored, "each hash has its own salt"


@given(st.text())
def test_nothing_opens_what_is_no_hash(stored):
    assert not verify_password("", stored)
    assert not verify_password(stored, stored)


@pytest.mark.parametrize(
    "stored",
    [
        "$7$101$$",
        "$7$0$c2FsdA==$c2FsdA==",
        "$7$-1$c2FsdA==$c2FsdA==",
        "$7$x$c2FsdA==$c2FsdA==",
        "$7$101$c2FsdA==$!!",
        "$6$101$c2FsdA==$c2FsdA==",
    ],
)
def test_a_damaged_hash_opens_to_nobody(stored):
    assert not verify_password("", stored)
    assert not verify_password("password", stored)


def test_another_kind_of_hash_is_not_taken_for_ours():
    assert not verify_password("secret", hash_password("secret").replace("$7$", "$6$", 1))


def test_passwords_are_long_and_never_the_same():
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[a-z2-7]{26}", password) for password in made)


def test_a_simulated_nodes_password_depends_on_secret_and_device():
    assert simulated_password("s", "a") == simulated_password("s", "a")
    assert len({simulated_password(s, d) for s in ("s", "t") for d in ("a", "b")}) == 4


def test_what_mosquitto_passwd_hashed_is_verified(tmp_path):
    path = tmp_path / "passwords"
    path.touch(0o600)
    command = [program("mosquitto_passwd"), "-b", str(path)]
    for name, password in (("a", "secret"), ("b", "bí mật"), ("c", "$7$ '\"x")):
        subprocess.run([*command, name, password], check=True, capture_output=True)
    hashes = dict(line.split(":", 1) for line in path.read_text("utf-8").splitlines())
    assert verify_password("secret", hashes["a"])
    assert verify_password("bí mật", hashes["b"])
    assert verify_password("$7$ '\"x", hashes["c"])
    assert not verify_password("secret", hashes["b"])
