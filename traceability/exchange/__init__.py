"""EPCIS 2.0 documents in the form other programs expect: those we serve, and those we read.

sealed documents ─► served.py ─► one document, each event with its hash (event_hash.py)
anybody's document ─► reader.py ─► checked by forms.py and words.py ─► what is wrong with it
"""
