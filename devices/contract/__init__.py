"""The contract: what a device may say and hear, and nothing of who speaks or where it is kept.

signals.py   what is measured, in which unit, within which limits       models.py  which node carries which
topics.py    where a message goes
encodings.py which of the ways in it is ─► payloads.py (JSON)  senml.py (packs)  diary.py (what a farmer
             writes down)  orders.py (commands to actuators)
packets.py   MQTT's own packets, for connections that must cost little
reading.py   what was understood         quality.py   what a check thinks of it
invalid.py   what is wrong in what a person wrote, of pydantic's errors
tables.py    the generated parts of devices/README.md and refusals.md   asyncapi.py  the same for tools

    bytes on MQTT ─► topics.parse ─► encodings ─► payloads | senml | diary ─► reading.Reading
"""
