"""What a buyer sees: a lot's page, its other forms, its label, and a page that checks without us.

scan ─► web.py ─► records.shelf ─► page (chart.py), EPCIS, linkset, proof     scans.py: how often
label.py: QR codes and sheets of labels                 verify_page.py: a check in the browser, no network
"""
