// ChirpStack v4, device profile, tab "Codec", JavaScript. For a probe that sends 7 bytes on port 2, big endian:
//   0-1 soil moisture, 0.01 %      2-3 soil temperature, 0.01 °C, signed
//   4-5 conductivity, µS/cm        6   battery, 0.1 V
// Only what stands in `data` reaches the gateway: signal ids of devices/README.md, numbers in their units.
function decodeUplink(input) {
  const b = input.bytes;
  if (input.fPort !== 2 || b.length !== 7) {
    return { errors: ["expected 7 bytes on port 2, not " + b.length + " on port " + input.fPort] };
  }
  const u16 = (at) => (b[at] << 8) | b[at + 1];
  const i16 = (at) => (u16(at) << 16) >> 16;
  return {
    data: {
      soil_moisture: u16(0) / 100,
      soil_temperature: i16(2) / 100,
      soil_ec: u16(4) / 1000,
      battery_voltage: b[6] / 10,
    },
  };
}
