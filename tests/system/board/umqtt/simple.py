"""micropython-lib's umqtt.simple as main.py calls it, over paho: same arguments, blocking, OSError."""

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion


class MQTTClient:
    def __init__(self, client_id, server, port=0, user=None, password=None, keepalive=0, ssl=None):
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, reconnect_on_failure=False)
        self._client.username_pw_set(user, password)
        if ssl is not None:
            self._client.tls_set_context(ssl)
        self._at = (server, port, keepalive)

    def connect(self):
        self._client.connect(*self._at)
        self._client.loop_start()

    def publish(self, topic, message, retain=False, qos=0):
        self._client.publish(topic, message, qos, retain).wait_for_publish(30)

    def disconnect(self):
        self._client.disconnect()
        self._client.loop_stop()
