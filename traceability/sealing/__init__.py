"""Sealing: a harvest becomes a record and a leaf in the log, exactly once; later events become addenda.

diary ─► seal.Sealer ─► lot.refusal? ─► records.record.build ─► file + tlog
              └─► handling.Handler ─► about.py (which lots?) ─► records.addendum.build ─► file + tlog
"""
