"""Records of lots that anybody can check: from a farm diary to a QR code.

    diary event ─► diary/ ─► sealing/ (may it be sold? record, leaf, once) ─► records/ (files)
                                 │                                             └─► pages/ ─► whoever scans
                                 │                                             └─► exchange/ ─► programs
                                 └─► tlog/ (append-only, provable) ─► proof, checked anywhere
    the secretary's phone ─► secretary/ ─► broker ─► gateway ─► diary/

digital_link.py  GS1's address of a lot       commands.py
"""
