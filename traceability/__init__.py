"""Traceability records of lots that anybody can check: from a farm diary to a QR code.

    diary event ─► diary/ ─► sealing/ (refuse or seal: record, leaf) ─► records/ (files)
                                 │                                        ├─► pages/ ─► buyers who scan
                                 │                                        └─► exchange/ ─► other programs
                                 └─► tlog/ (append-only log) ─► proof, which can be checked offline
    the secretary's phone ─► secretary/ ─► broker ─► gateway ─► diary/

digital_link.py  a lot's GS1 Digital Link      commands.py  `hoiquan trace`
"""
