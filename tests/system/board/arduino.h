// The parts of Arduino's core and of its libraries that esp32.ino uses. The node's last will and its publications go to
// standard output, a line each with tabs between: what, topic, payload, retained. The connection breaks once; with
// STUMBLES it holds, and the first publication is not sent. Signatures are those of the core (3.x) and of
// PubSubClient 2.8.
#pragma once
#ifndef STUMBLES
#define STUMBLES 0
#endif
#include <cstdint>
#include <cstdio>
#include <cstring>

static unsigned long now_ms = 0;
inline unsigned long millis() { return now_ms; }
inline void delay(uint32_t ms) { now_ms += ms; }
inline uint16_t analogRead(uint8_t pin) { return pin == 34 ? 1840 : 0; }
inline uint32_t esp_random() { return 0x7f3a; }

struct HardwareSerial {
  void begin(unsigned long) {}
  size_t println(const char *text) { return fprintf(stderr, "%s\n", text); }
};
static HardwareSerial Serial;

enum wl_status_t { WL_CONNECTED = 3, WL_DISCONNECTED = 6 };
enum wifi_mode_t { WIFI_STA = 1 };
struct WiFiClass {
  wl_status_t joined = WL_DISCONNECTED;
  wl_status_t status() { return joined; }
  bool mode(wifi_mode_t) { return true; }
  wl_status_t begin(const char *ssid, const char *) { return joined = strcmp(ssid, "village") ? WL_DISCONNECTED : WL_CONNECTED; }
  int8_t RSSI() { return -67; }
};
static WiFiClass WiFi;

struct Client {};
struct WiFiClientSecure : Client {
  const char *ca = nullptr;
  void setCACert(const char *pem) { ca = pem; }
};

class PubSubClient {
  bool joined = false, broke = STUMBLES, stumbles = STUMBLES;
  uint16_t room = 256;

 public:
  explicit PubSubClient(Client &) {}
  PubSubClient &setServer(const char *, uint16_t) { return *this; }
  bool setBufferSize(uint16_t size) { room = size; return true; }
  bool connected() {
    if (!broke && now_ms > 300000) broke = !(joined = false);
    return joined;
  }
  bool loop() { return joined; }
  bool connect(const char *id, const char *user, const char *, const char *topic, uint8_t, bool retained,
               const char *payload) {
    printf("will\t%s\t%s\t%d\n", topic, payload, retained);
    return joined = !strcmp(id, user);
  }
  void disconnect() { joined = false; }
  bool publish(const char *topic, const char *payload, bool retained = false) {
    if (stumbles) return stumbles = false;
    if (!joined || strlen(topic) + strlen(payload) + 7 > room) return false;
    printf("sent\t%s\t%s\t%d\n", topic, payload, retained);
    return true;
  }
};
