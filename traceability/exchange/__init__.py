"""EPCIS 2.0 as others speak it: what we give, and what we are given.

what is sealed ─► served.py ─► a document, each event with its hash (event_hash.py)
anybody's document ─► reader.py ─► by forms.py and words.py ─► what is wrong with it
"""
