"""Telegraf, reduced to the three plugins it needs here, and built from its Go module."""

from pathlib import Path
from string import Template

from benchmarks.peers.processes import Missing, Running, cache, find, install
from benchmarks.peers.testbed import Testbed

MODULE = "github.com/influxdata/telegraf/cmd/telegraf"
VERSION = "v1.37.2"
TAGS = "custom,inputs.mqtt_consumer,outputs.influxdb_v2,parsers.json_v2"
# max_undelivered_messages: as many as the broker hands out before the first acknowledgement; Telegraf's
# default of 1,000 is slower
_CONF = Template("""
[agent]
  flush_interval = "1s"
  flush_jitter = "0s"
  metric_batch_size = 1000
  metric_buffer_limit = 100000
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:$port"]
  topics = ["hoiquan/v1/+/+/+/telemetry"]
  topic_tag = ""
  qos = 1
  persistent_session = true
  client_id = "telegraf"
  max_undelivered_messages = 5000
  data_format = "json_v2"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "_/_/+/+/+/_"
    tags = "_/_/pilot/community/device/_"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "telemetry"
    timestamp_path = "ts"
    timestamp_format = "unix_ms"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "values"
      disable_prepend_keys = true
[[outputs.influxdb_v2]]
  urls = ["$url"]
  token = "$token"
  organization = "$org"
  bucket = "$bucket"
""")


class Telegraf:
    """mqtt_consumer with a persistent session → json_v2 → influxdb_v2."""

    name = f"Telegraf {VERSION[1:]}"

    def prepare(self) -> None:
        program = _program()
        if program.exists():
            return
        go = find("go", "Telegraf is built from its module by Go 1.25 or newer")
        install(
            [go, "install", "-p", "1", "-tags", TAGS, f"{MODULE}@{VERSION}"],
            program.parent,
            "Telegraf",
            GOBIN=str(program.parent),
        )
        if not program.exists():
            raise Missing(f"Telegraf: go install left nothing in {program.parent}")

    def start(self, bed: Testbed, folder: Path, bucket: str) -> list[Running]:
        conf = folder / "telegraf.conf"
        conf.write_text(
            _CONF.substitute(
                port=bed.broker.port,
                url=bed.store.url,
                token=bed.store.token,
                org=bed.store.org,
                bucket=bucket,
            )
        )
        return [Running([str(_program()), "--config", str(conf)], folder, "telegraf")]

    def books(self, folder: Path) -> dict[str, int]:
        return {}


def _program() -> Path:
    return cache(f"telegraf-{VERSION[1:]}") / "telegraf"
