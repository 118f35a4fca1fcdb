"""What all web pages share, whoever shows them. Only this folder of devices imports FastAPI and Jinja.

patience.py (how long?) ─► named.py (whose name?) ─► options.py ─► conditional.py (HEAD, 304) ─► route
   route ─► language.py (cookie, else Accept-Language) ─► frame.py (template, headers) ─► answer

icon.py has the pages' icon in a browser's tab; language.py also has the route that chooses a language.
"""
