"""A lot's record, and everything that is read out of it.

record.py    the canonical bytes (RFC 8785)      conditions.py  port to the sensed growing conditions
addendum.py  packing, shipping, splits, merges, corrections, recalls
shelf.py     reads records and addenda           check.py  verifies a record with its proof and the log's key
reports.py   an office's reports in the same log
story.py offline.py   a lot's history, told without a server
epcis.py address.py   EPCIS document, public address      photos.py picture.py   photographs by their hash
"""
