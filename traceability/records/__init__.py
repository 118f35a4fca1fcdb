"""The record of a lot, and all that is read out of it.

record.py    the canonical bytes (RFC 8785)      conditions.py  the port to what was sensed
addendum.py  packing, shipping, splits, corrections, recalls
shelf.py     what was sealed, for readers        check.py  is this what was sealed?
reports.py   an office's reports in the same log
story.py offline.py   a lot's whole story, where there is no server
epcis.py address.py   GS1's languages            photos.py picture.py   photographs by their hash
"""
