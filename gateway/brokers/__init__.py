"""The broker of `hoiquan up`, and what a broker says beside messages.

house.choose ─┬─► mosquitto.py   a child with the data folder's accounts and queues
              └─► embedded.py    amqtt, in memory: connection.py: what one client is told and when; kept.py:
                                 what is kept and owed; access.py: who may speak with it

notices.py    what Mosquitto says of itself     denied.py  what its rules turned away, out of its log
"""
