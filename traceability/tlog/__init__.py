"""The transparency log (RFC 6962, C2SP tlog-tiles): static files that standard tools can check.

log.append ─► tiles, entries, checkpoint (note.py signs, keys.py over time) ─► witness.py (others saw it)
tiles.py reads them ─► merkle.py proofs ─► proof.py: all that a stranger needs, in one file
"""
