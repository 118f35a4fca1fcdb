"""Proof files: encoding and parsing agree, valid proofs are accepted, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceability.tlog.merkle import EMPTY_ROOT, ProofError, inclusion_proof, leaf_hash, root_of_hashes
from traceability.tlog.note import Signer, base64_of, sign
from traceability.tlog.proof import Checkpoint, Proof, VerifiedInclusion, encode, parse, verify

ORIGIN = "hoiquan.example/log"
SIGNER = Signer.from_seed(ORIGIN, bytes(range(32)))
VERIFIER = SIGNER.verifier
ENTRIES = [f"lot {number}".encode() for number in range(11)]
HASHES = [leaf_hash(entry) for entry in ENTRIES]
CHECKPOINT = sign(Checkpoint(ORIGIN, len(ENTRIES), root_of_hashes(HASHES)).text, [SIGNER])


def made(index: int, extra: bytes = b"", checkpoint: bytes = CHECKPOINT) -> bytes:
    return encode(Proof(index, tuple(inclusion_proof(HASHES, index)), checkpoint, extra))


def part(data: bytes, proof: bytes) -> str:
    with pytest.raises(ProofError) as caught:
        verify(data, proof, VERIFIER, ORIGIN)
    return caught.value.part


@pytest.mark.parametrize("index", range(len(ENTRIES)))
def test_every_entry(index: int) -> None:
    assert verify(ENTRIES[index], made(index), VERIFIER, ORIGIN) == VerifiedInclusion(index, len(ENTRIES))


def test_the_format_to_the_letter() -> None:
    path = "".join(f"{base64_of(value)}\n" for value in inclusion_proof(HASHES, 7))
    expected = f"c2sp.org/tlog-proof@v1\nextra eA==\nindex 7\n{path}\n".encode() + CHECKPOINT
    assert made(7, b"x") == expected
    assert made(7) == expected.replace(b"extra eA==\n", b"")
    assert parse(expected) == Proof(7, tuple(inclusion_proof(HASHES, 7)), CHECKPOINT, b"x")


def test_a_tree_of_one_has_an_empty_path() -> None:
    checkpoint = sign(Checkpoint(ORIGIN, 1, HASHES[0]).text, [SIGNER])
    proof = encode(Proof(0, (), checkpoint))
    assert proof == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + checkpoint
    assert verify(ENTRIES[0], proof, VERIFIER, ORIGIN) == VerifiedInclusion(0, 1)


@given(
    st.builds(
        Proof,
        st.integers(0, 10**19 - 1),
        st.lists(st.binary(min_size=32, max_size=32)).map(tuple),
        st.binary(min_size=1),
        st.binary(),
    )
)
def test_parse_undoes_encode(proof: Proof) -> None:
    assert parse(encode(proof)) == proof


@given(
    st.binary()
    | st.text().map(lambda text: b"c2sp.org/tlog-proof@v1\nindex " + text.encode("utf-8", "replace"))
)
def test_garbage_is_a_proof_error(data: bytes) -> None:
    with pytest.raises(ProofError):
        verify(b"x", data, VERIFIER, ORIGIN)


def test_cosignatures_and_extensions_are_tolerated() -> None:
    cosigned = CHECKPOINT + f"— witness.example/w1 {base64_of(b'wkey' + bytes(72))}\n".encode()
    assert verify(ENTRIES[3], made(3, checkpoint=cosigned), VERIFIER, ORIGIN).index == 3
    head = Checkpoint(ORIGIN, len(ENTRIES), root_of_hashes(HASHES), ("extension", "another"))
    assert Checkpoint.parse(head.text) == head
    assert verify(ENTRIES[3], made(3, checkpoint=sign(head.text, [SIGNER])), VERIFIER, ORIGIN).index == 3


def test_one_flipped_bit_anywhere() -> None:
    proof = made(7)
    for at in range(len(proof)):
        for bit in range(8):
            part(ENTRIES[7], proof[:at] + bytes([proof[at] ^ (1 << bit)]) + proof[at + 1 :])
    for at in range(len(ENTRIES[7])):
        changed = ENTRIES[7][:at] + bytes([ENTRIES[7][at] ^ 1]) + ENTRIES[7][at + 1 :]
        assert part(changed, proof) == "leaf"


def test_cut_short_or_continued() -> None:
    proof = made(7)
    for end in range(len(proof)):
        part(ENTRIES[7], proof[:end])
    for more in (b"x", b"\n", b"\xe2\x80\x94 x\n"):
        part(ENTRIES[7], proof + more)


def test_which_part_is_wrong() -> None:
    proof = made(7)
    assert part(ENTRIES[6], proof) == "leaf"
    assert part(ENTRIES[7], proof.replace(b"index 7", b"index 11")) == "proof"
    assert part(ENTRIES[7], encode(Proof(7, (), CHECKPOINT))) == "proof"
    assert part(ENTRIES[7], proof.replace(b"tlog-proof@v1", b"tlog-proof@v2")) == "proof"
    other = Signer.from_seed(ORIGIN, bytes(32))
    head = Checkpoint(ORIGIN, len(ENTRIES), root_of_hashes(HASHES))
    assert part(ENTRIES[7], made(7, checkpoint=sign(head.text, [other]))) == "signature"
    assert part(ENTRIES[7], proof.replace(b"\n11\n", b"\n12\n")) == "signature"
    elsewhere = Checkpoint("elsewhere.example/log", head.size, head.root)
    assert part(ENTRIES[7], made(7, checkpoint=sign(elsewhere.text, [SIGNER]))) == "checkpoint"
    assert part(ENTRIES[7], made(7, checkpoint=sign("not\na\ncheckpoint\n", [SIGNER]))) == "checkpoint"
    assert part(ENTRIES[7], made(7, checkpoint=b"not a note")) == "checkpoint"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"index 7", b"index 07"),
        (b"index 7", b"index +7"),
        (b"index 7", b"index 7 "),
        (b"index 7", b"index 99999999999999999999"),
        (b"index 7", b"index \xd9\xa7"),
        (b"index 7", b"indes 7"),
        (b"index 7\n", b""),
        (b"index 7\n", b"index 7\r\n"),
        (b"index 7\n", b"index 7\nAAAA\n"),
        (b"index 7\n", b"index 7\nextra eA==\n"),
        (b"index 7\n", b"extra \nindex 7\n"),
        (b"index 7\n", b"extra eA==\nextra eA==\nindex 7\n"),
    ],
)
def test_lines_that_are_not_of_the_format(old: bytes, new: bytes) -> None:
    with pytest.raises(ProofError):
        parse(made(7).replace(old, new, 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n0\n",
        "origin\n0\n" + base64_of(EMPTY_ROOT),
        f"\n0\n{base64_of(EMPTY_ROOT)}\n",
        f"origin\n00\n{base64_of(EMPTY_ROOT)}\n",
        f"origin\n-1\n{base64_of(EMPTY_ROOT)}\n",
        f"origin\n1e3\n{base64_of(EMPTY_ROOT)}\n",
        f"origin\n0\n{base64_of(EMPTY_ROOT[1:])}\n",
        f"origin\n0\n{base64_of(EMPTY_ROOT)}\n\n",
    ],
)
def test_texts_that_are_no_checkpoint(text: str) -> None:
    with pytest.raises(ProofError) as caught:
        Checkpoint.parse(text)
    assert caught.value.part == "checkpoint"


def test_checkpoints_that_cannot_be_made() -> None:
    for arguments in (("", 0, EMPTY_ROOT), ("a\nb", 0, EMPTY_ROOT), ("a", -1, EMPTY_ROOT), ("a", 0, b"")):
        with pytest.raises(ProofError):
            Checkpoint(*arguments)
    with pytest.raises(ProofError):
        Checkpoint("a", 0, EMPTY_ROOT, ("",))
