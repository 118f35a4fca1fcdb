"""The broker of `hoiquan up`: Mosquitto where it is installed, else amqtt with its mends.

house.choose ─┬─► mosquitto.py   a child with the data folder's accounts and queues
              └─► embedded.py    amqtt, in memory; access.py: who may speak with it
"""
