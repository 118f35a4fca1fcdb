// A node in C++ for an ESP32 (Arduino core 2 or 3) with a capacitive soil probe on pin 34.
// Libraries: PubSubClient 2.8 (Nick O'Leary). Copy secrets.h.example to secrets.h and fill in what
// `hoiquan device enroll` printed; the CA is what `hoiquan ca` prints.
//
// PubSubClient publishes at QoS 0: a reading may be lost with the connection. `boot` and `seq` let the gateway
// count how many; there is no clock, so no "ts": the gateway takes the time of arrival.
#include <PubSubClient.h>
#include <WiFi.h>
#include <WiFiClientSecure.h>

#include "secrets.h"

const unsigned long INTERVAL_MS = 600000;  // as the model's in devices/README.md
const int PROBE = 34;
// Assumption: what this probe gives in air and in water; measure yours.
const float DRY = 3100, WET = 1300, SATURATED = 45;

WiFiClientSecure secure;
PubSubClient mqtt(secure);
char boot[9];
unsigned long seq = 0, last = 0;

float soil_moisture() {
  float share = (DRY - analogRead(PROBE)) / (DRY - WET);
  return SATURATED * (share < 0 ? 0 : share > 1 ? 1 : share);
}

bool connected() {
  if (WiFi.status() != WL_CONNECTED) {
    WiFi.begin(WIFI_SSID, WIFI_PASSWORD);
    for (int tries = 0; tries < 50 && WiFi.status() != WL_CONNECTED; tries++) delay(200);
  }
  if (mqtt.connected()) return true;
  // the broker keeps the newest status: `online` from here on, `offline` (the last will) when we are lost
  if (!mqtt.connect(USER, USER, PASSWORD, HERE "/status", 1, true, "{\"state\":\"offline\"}")) return false;
  if (mqtt.publish(HERE "/status", "{\"state\":\"online\"}", true)) return true;
  mqtt.disconnect();  // else we would stay connected and be `offline` to everybody; the next try begins anew
  return false;
}

void setup() {
  Serial.begin(115200);
  snprintf(boot, sizeof boot, "%08lx", (unsigned long)esp_random());
  WiFi.mode(WIFI_STA);
  secure.setCACert(CA);
  mqtt.setServer(HOST, PORT);
  mqtt.setBufferSize(512);  // for topic and message together; the library's 256 hold no weather station
}

void loop() {
  if (seq > 0 && millis() - last < INTERVAL_MS) {
    mqtt.loop();
    delay(50);
    return;
  }
  last = millis();
  char message[160];
  snprintf(message, sizeof message,
           "{\"boot\":\"%s\",\"seq\":%lu,\"values\":{\"soil_moisture\":%.1f,\"rssi\":%d}}", boot, seq,
           soil_moisture(), (int)WiFi.RSSI());
  if (!connected() || !mqtt.publish(HERE "/telemetry", message)) Serial.println("not sent");
  seq++;
}
