"""Records of lots that anybody can check: from a farm diary to a QR code.

diary event ─► seal.Sealer ─► lot.refusal? ─► record.build ─► file + log.append ─► QR (label)
                    │  │           conditions ◄── whoever keeps the readings (port Grew)
                    │  └─ what is done with lots later ─► handling.Handler ─► addendum.build ─► file + log
                    └─ scan ─► web ─► shelf: page, EPCIS, linkset, proof ─► proof.verify, anywhere

lot.py           codes, and why a harvest may be refused     record.py  the canonical bytes
addendum.py      packing, shipping, splits, corrections      shelf.py   what was sealed, for readers
check.py         is this what was sealed?                    verify_page.py  the same in a browser
merkle.py tiles.py log.py note.py proof.py witness.py keys.py   the transparency log (RFC 6962, C2SP)
epcis.py digital_link.py label.py   GS1's languages          chart.py   small pictures
season.py        what forbids a harvest, by interval and season  about.py  what is known of a lot
diary_file.py diary_tables.py    the diary's database, what corrected what; mended where it is damaged
story.py offline.py              a lot's whole story, where there is no server
durable.py       files whole or not at all            scans.py   how often a page was opened
photos.py picture.py   photographs by their hash, without what they tell besides

the diary on a phone, sent as a device does:
sign_in.py throttle.py ─► form.py ─► entries.py (fields, events)  ─► post.py ─► broker
           upload.py (files) ─┘ └─ book.py (lots and entries so far)
"""
