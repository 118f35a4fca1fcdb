"""What all web pages share, whoever shows them. FastAPI and Jinja are imported by nothing else in devices.

patience.py (how long?) ─► named.py (whose name?) ─► options.py ─► conditional.py (HEAD, 304) ─► route
   route ─► language.py (cookie, else Accept-Language) ─► frame.py (template, headers) ─► answer

icon.py has their sign in a browser's tab.
"""
