"""The diary on a phone: a group's secretary signs in and writes events down, without a script.

sign_in.py (throttle.py) ─► form.py ─► diary.entries ─► post.py ─► broker, as a device does
            upload.py (files) ─┘ └─ book.py (lots and entries so far)
"""
