"""RFC 6962 trees against published vectors, known roots and a naive recursive tree."""

import base64
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import cases, published
from traceability.tlog.merkle import (
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    root_at,
    root_of_hashes,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves of Certificate Transparency's reference tests, and the roots over the first 0 to 8.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def decode(texts: list[str] | None) -> list[bytes]:
    return [base64.b64decode(text) for text in texts or []]


@pytest.mark.parametrize("case", cases("merkle/inclusion.json"))
def test_published_inclusion(case: dict[str, Any]) -> None:
    published("merkle/inclusion.json")
    leaf, tree_root = decode([case["leafHash"], case["root"]])
    arguments = leaf, case["leafIdx"], case["treeSize"], decode(case["proof"]), tree_root
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("case", cases("merkle/consistency.json"))
def test_published_consistency(case: dict[str, Any]) -> None:
    published("merkle/consistency.json")
    arguments = case["size1"], case["size2"], *decode([case["root1"], case["root2"]]), decode(case["proof"])
    if case["wantErr"]:
        with pytest.raises(ProofError):
            verify_consistency(*arguments)
    else:
        verify_consistency(*arguments)


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], complete: bool = True) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    if m == len(leaves):
        return [] if complete else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_subproof(m, leaves[:k], complete), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


@given(leaves=st.lists(st.binary(max_size=8), min_size=1, max_size=70), data=st.data())
def test_like_the_naive_tree(leaves: list[bytes], data: st.DataObject) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves]
    assert root(leaves) == root_of_hashes(hashes) == naive_root(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert inclusion_proof(hashes, index) == naive_path(index, leaves)
    old = data.draw(st.integers(1, len(leaves)))
    assert consistency_proof(hashes, old) == naive_subproof(old, leaves)


def test_inclusion_at_all_sizes_to_64() -> None:
    leaves = [bytes([number]) for number in range(64)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    roots = [root_of_hashes(hashes[:size]) for size in range(65)]
    for size in range(1, 65):
        for index in range(size):
            proof = inclusion_proof(hashes[:size], index)
            verify_inclusion(hashes[index], index, size, proof, roots[size])


def test_consistency_of_all_sizes_to_130_and_around_256() -> None:
    hashes = [leaf_hash(number.to_bytes(2, "big")) for number in range(300)]
    roots = [root_of_hashes(hashes[:size]) for size in range(301)]
    for size in (*range(1, 131), 255, 256, 257, 300):
        for old in range(1, size + 1):
            proof = consistency_proof(hashes[:size], old)
            verify_consistency(old, size, roots[old], roots[size], proof)


@given(size=st.integers(1, 40), data=st.data())
def test_any_other_inclusion_is_refused(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    tree_root, proof = root_of_hashes(hashes), inclusion_proof(hashes, index)
    changed = [hashes[index], *proof, tree_root]
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] = flipped(changed[at], data.draw(st.integers(0, 255)))
    with pytest.raises(ProofError):
        verify_inclusion(changed[0], index, size, changed[1:-1], changed[-1])
    other = data.draw(st.integers(-1, size).filter(lambda number: number != index))
    with pytest.raises(ProofError):
        verify_inclusion(hashes[index], other, size, proof, tree_root)


@given(size=st.integers(2, 40), data=st.data())
def test_any_other_consistency_is_refused(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    old = data.draw(st.integers(1, size - 1))
    changed = [root_of_hashes(hashes[:old]), *consistency_proof(hashes, old), root_of_hashes(hashes)]
    at = data.draw(st.integers(0, len(changed) - 1))
    with pytest.raises(ProofError):
        verify_consistency(old, size, changed[0], changed[-1], [*changed[1:-1], changed[at]])
    with pytest.raises(ProofError):
        verify_consistency(old, size, changed[0], changed[-1], changed[1:-2])
    changed[at] = flipped(changed[at], data.draw(st.integers(0, 255)))
    with pytest.raises(ProofError):
        verify_consistency(old, size, changed[0], changed[-1], changed[1:-1])


def flipped(value: bytes, bit: int) -> bytes:
    number = int.from_bytes(value, "big") ^ (1 << bit)
    return number.to_bytes(len(value), "big")


def test_no_proof_of_what_is_not_there() -> None:
    hashes = [leaf_hash(b"a")]
    with pytest.raises(IndexError, match="no leaf 1 in a tree of 1"):
        inclusion_proof(hashes, 1)
    with pytest.raises(IndexError, match="no tree of 0 leaves"):
        consistency_proof(hashes, 0)
    with pytest.raises(IndexError, match="no tree of 2 leaves"):
        consistency_proof(hashes, 2)


def test_sentences_name_the_fault() -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(5)]
    tree_root, proof = root_of_hashes(hashes), inclusion_proof(hashes, 2)
    with pytest.raises(ProofError, match="leaf 2 of 5 is too short: 2 hashes"):
        verify_inclusion(hashes[2], 2, 5, proof[:-1], tree_root)
    with pytest.raises(ProofError, match="leaf 2 of 5 is too long: 4 hashes"):
        verify_inclusion(hashes[2], 2, 5, [*proof, tree_root], tree_root)
    with pytest.raises(ProofError, match="outside a tree of 5"):
        verify_inclusion(hashes[2], 5, 5, proof, tree_root)
    with pytest.raises(ProofError, match="31 bytes stands where 32"):
        verify_inclusion(hashes[2], 2, 5, [proof[0][:-1], *proof[1:]], tree_root)
    with pytest.raises(ProofError, match="do not lead to the root") as caught:
        verify_inclusion(hashes[3], 2, 5, proof, tree_root)
    assert caught.value.part == "leaf"
    old_root = root_of_hashes(hashes[:3])
    with pytest.raises(ProofError, match="does not lead to the old root"):
        verify_consistency(3, 5, tree_root, tree_root, consistency_proof(hashes, 3))
    with pytest.raises(ProofError, match="does not lead to the new root"):
        verify_consistency(3, 5, old_root, old_root, consistency_proof(hashes, 3))


def test_root_at_a_size_of_the_past() -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(20)]

    def node(height: int, index: int) -> bytes:
        return root_of_hashes(hashes[index << height : (index + 1) << height])

    for size in range(21):
        assert root_at(size, node) == root_of_hashes(hashes[:size])
