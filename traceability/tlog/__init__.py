"""The transparency log (RFC 6962, C2SP tlog-tiles): static files that standard tools can check.

log.append ─► tiles, entries, checkpoint (note.py signs with a key of keys.py) ─► witness.py (cosignatures)
tiles.py reads them ─► merkle.py makes proofs ─► proof.py: one file with all that an offline check needs
"""
