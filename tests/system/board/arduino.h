// What esp32.ino needs of Arduino's core and its libraries; what it publishes goes to standard output, a line
// each: topic, tab, payload. Signatures are those of the core (3.x) and of PubSubClient 2.8.
#pragma once
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
  bool joined = false;
  uint16_t room = 256;

 public:
  explicit PubSubClient(Client &) {}
  PubSubClient &setServer(const char *, uint16_t) { return *this; }
  bool setBufferSize(uint16_t size) { room = size; return true; }
  bool connected() { return joined; }
  bool loop() { return joined; }
  bool connect(const char *id, const char *user, const char *, const char *, uint8_t, bool, const char *) {
    return joined = !strcmp(id, user);
  }
  bool publish(const char *topic, const char *payload) {
    if (!joined || strlen(topic) + strlen(payload) + 7 > room) return false;
    printf("%s\t%s\n", topic, payload);
    return true;
  }
};
