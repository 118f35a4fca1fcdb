#!/bin/sh
# Run once by the influxdb image, after its first setup: an account that can read the bucket and nothing
# else, for Grafana. Anybody who may see a board can send requests through Grafana's data source proxy,
# so the token with all rights must not be in it.
exec influx v1 auth create --username grafana --password "$HOIQUAN_INFLUX_READER" \
  --read-bucket "$DOCKER_INFLUXDB_INIT_BUCKET_ID" --org "$DOCKER_INFLUXDB_INIT_ORG"
