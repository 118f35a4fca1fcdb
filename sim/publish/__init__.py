"""MQTT connections of simulated nodes: one each, as real nodes have, and no threads.

    links.publish ─► session: memory ─► window ─► packets ─► link: socket, TLS ─► broker
    links.serve   ─► loop: what is due, new connections, send, receive ─► session ─► acknowledged; commands

links.py    the fleet                     loop.py  drives all of it with one selector, in the caller's thread
session.py  MQTT without a socket         link.py  the socket around it       address.py  where the broker is
"""

from sim.publish.links import Links

__all__ = ["Links"]
