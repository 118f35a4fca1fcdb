"""What a buyer sees: a lot's page and its other forms, its label, and a page that checks without our server.

scan ─► resolver.py ─► web.py ─► records.shelf ─► lot_page.py (frame.py, chart.py), EPCIS, proof
             └► linkset   └► product_page.py, to choose a lot    find_page.py: by a label's code, /s
report_page.py: a sealed report's page
scans.py: how often a page was opened    shared.py: scripts of other sites may read all of this (CORS)
label.py: QR codes and sheets of labels (sheet.py)      verify_page.py: a check in the browser, no network
"""
