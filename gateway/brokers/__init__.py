"""The broker of `hoiquan up`, and a broker's notices beside messages.

house.choose ─┬─► mosquitto.py   a child process with the data folder's accounts and queues;
              │                  saved.py: its file of queues, mended where a full disk cut it off
              └─► embedded.py    amqtt, in memory; connection.py: one client's connection; kept.py: messages
                                 kept and acknowledgements owed; access.py: who may connect, and do what

notices.py    Mosquitto's notices about itself     denied.py  messages its rules turned away, from its log
"""
