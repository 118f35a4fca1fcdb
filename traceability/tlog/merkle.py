"""The Merkle tree of RFC 6962, section 2.1: roots, proofs, and their verification.

A tree's `size` counts leaves; hashes are 32 bytes of SHA-256. Functions that make proofs read complete
subtrees through `Node`, so the same code serves a list in memory and tiles on disk. Verification follows RFC
9162, sections 2.1.3.2 and 2.1.4.2.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256

from devices.errors import UserError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

# (height, index) -> root of the complete subtree over leaves index * 2**height up to (index + 1) * 2**height
Node = Callable[[int, int], bytes]
# (level, number) -> hashes of a tile of https://c2sp.org/tlog-tiles: roots of subtrees 8 * level high
Tile = Callable[[int, int], Sequence[bytes]]
TILE_WIDTH = 256


class ProofError(UserError):
    """A proof does not show what it should; do not trust the data that came with it.

    `part` names the faulty part: `leaf`, `proof`, `checkpoint` or `signature`.
    """

    def __init__(self, sentence: str, part: str = "proof") -> None:
        super().__init__(sentence)
        self.part = part


def leaf_hash(data: bytes) -> bytes:
    """Hash of an entry. The 0x00 keeps an entry from being passed off as an inner node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over raw entries."""
    return root_of_hashes([leaf_hash(leaf) for leaf in leaves])


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, or over the roots of complete subtrees of one height.

    The last hash may be the root of a smaller subtree: RFC 6962, which splits at powers of two, gives the
    same root.
    """
    level = list(hashes)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)] + odd
    return level[0] if level else EMPTY_ROOT


def root_at(size: int, node: Node) -> bytes:
    """Root of the tree of `size` leaves."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """Siblings of leaf `index` in the tree of `size` leaves, from the leaf up. Raises IndexError."""
    if not 0 <= index < size:
        raise IndexError(f"no leaf {index} in a tree of {size}")
    path = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
    return path[::-1]


def consistency_path(old_size: int, size: int, node: Node) -> list[bytes]:
    """Hashes that show that the tree of `size` leaves continues the tree of `old_size`. Raises IndexError."""
    if not 0 < old_size <= size:
        raise IndexError(f"no tree of {old_size} leaves to compare with one of {size}; use 1 to {size}")
    path = []
    low, high = 0, size
    while old_size != high:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
    if low:  # for low == 0 the path starts with the old root itself, which the verifier has
        path.append(_range_root(low, high, node))
    return path[::-1]


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """`inclusion_path` in the tree of these leaf hashes."""
    return inclusion_path(index, len(hashes), _node_of(hashes))


def consistency_proof(hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """`consistency_path` to the tree of these leaf hashes."""
    return consistency_path(old_size, len(hashes), _node_of(hashes))


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `ProofError` unless the leaf stands at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        raise ProofError(f"index {index} is outside a tree of {size} leaves")
    _check_hashes(proof, leaf_hash, root)
    computed = leaf_hash
    for sibling, left in _climb(index, size - 1, proof, f"the inclusion proof of leaf {index} of {size}"):
        computed = node_hash(sibling, computed) if left else node_hash(computed, sibling)
    if computed != root:
        raise ProofError(
            f"the leaf and its path do not lead to the root of the tree of {size} leaves", "leaf"
        )


def verify_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Raise `ProofError` unless the tree of `size2` leaves starts with the tree of `size1` leaves."""
    what = f"the consistency proof from {size1} to {size2} leaves"
    if not 0 <= size1 <= size2:
        raise ProofError(f"a tree of {size2} leaves cannot continue one of {size1}")
    _check_hashes(proof, root1, root2)
    if size1 == size2:
        if proof:
            raise ProofError(f"{what} is too long: nothing is to prove between equal sizes")
        if root1 != root2:
            raise ProofError(f"there are two roots for one size, {size1} leaves", "checkpoint")
        return
    if size1 == 0:
        raise ProofError("nothing can be proven about an empty tree: every tree continues it")
    if not proof:
        raise ProofError(f"{what} is empty")
    # The path starts with the root of the old tree's last complete subtree. Where that subtree is the whole
    # old tree, its root is root1, and the proof leaves it out.
    start, *path = proof if size1 & (size1 - 1) else (root1, *proof)
    height = (size1 & -size1).bit_length() - 1
    old = new = start
    for sibling, left in _climb((size1 - 1) >> height, (size2 - 1) >> height, path, what):
        old = node_hash(sibling, old) if left else old
        new = node_hash(sibling, new) if left else node_hash(new, sibling)
    if old != root1:
        raise ProofError(f"{what} does not lead to the old root")
    if new != root2:
        raise ProofError(f"{what} does not lead to the new root")


def node_of_tiles(tile: Tile) -> Node:
    """Roots of complete subtrees, computed from tiles. Each tile is read once."""
    tile = cache(tile)

    def node(height: int, index: int) -> bytes:
        level, inner = divmod(height, 8)
        number, at = divmod(index << inner, TILE_WIDTH)
        return root_of_hashes(tile(level, number)[at : at + (1 << inner)])

    return node


def _split(size: int) -> int:
    """RFC 6962's k: the largest power of two smaller than `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(low: int, high: int, node: Node) -> bytes:
    """Root over leaves low..high, a range that RFC 6962's splits make: `low` is a multiple of its k."""
    roots = []
    while low < high:
        height = (high - low).bit_length() - 1
        roots.append(node(height, low >> height))
        low += 1 << height
    computed = roots.pop()
    while roots:
        computed = node_hash(roots.pop(), computed)
    return computed


def _node_of(hashes: Sequence[bytes]) -> Node:
    return lambda height, index: root_of_hashes(hashes[index << height : (index + 1) << height])


def _climb(index: int, last: int, path: Sequence[bytes], what: str) -> Iterator[tuple[bytes, bool]]:
    """Yield each sibling and whether it is on the left, from node `index` of a row that ends with `last`."""
    for sibling in path:
        if last == 0:
            raise ProofError(f"{what} is too long: {len(path)} hashes")
        left = bool(index & 1) or index == last
        yield sibling, left
        while left and not index & 1 and index:  # a last node without a sibling moves up unchanged
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    if last:
        raise ProofError(f"{what} is too short: {len(path)} hashes")


def _check_hashes(proof: Sequence[bytes], *others: bytes) -> None:
    for value in (*proof, *others):
        if len(value) != HASH_SIZE:
            raise ProofError(f"a hash of {len(value)} bytes stands where {HASH_SIZE} are needed")
