"""The contract: what a device may send and receive. It knows neither who connects nor where data is stored.

signals.py   what is measured, in which unit, within which limits       models.py  which node reports which
topics.py    where a message goes
encodings.py tells the encoding ─► payloads.py (JSON)  senml.py (packs)  diary.py (what a farmer writes
             down)  orders.py (commands to actuators)
packets.py   MQTT's own packets, for connections that must cost little
reading.py   a decoded message          quality.py   the flags that checks give to values
invalid.py   pydantic's errors in what a person wrote, as sentences
tables.py    the generated parts of devices/README.md and refusals.md   asyncapi.py  the same for tools

    bytes on MQTT ─► topics.parse ─► encodings ─► payloads | senml | diary ─► reading.Reading
"""
