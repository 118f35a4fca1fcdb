"""The services with docker-compose.grow.yml: three gateways on a shared subscription, PostgreSQL."""

import json
from typing import Any

from tests.compose.village import Village

FILES = ("-f", "docker-compose.yml", "-f", "docker-compose.grow.yml")
GATEWAYS = ("gateway", "gateway-2", "gateway-3")


class Grown(Village):
    def compose(self, *arguments: str, seconds: float = 60) -> str:
        return self.run("docker", "compose", *FILES, *arguments, seconds=seconds)

    def enroll(self, device: str) -> dict[str, Any]:
        one = ["--community", "tam-que", "--model", "soil-probe", "--id", device, "--json"]
        shown: dict[str, Any] = json.loads(self.hoiquan("device", "enroll", *one))
        return shown

    def books(self) -> dict[str, dict[str, int]]:
        """The newest books of each instance."""
        names = ("received", "stored", "duplicate", "quarantined", "spooled")
        asked = f"SELECT {', '.join(names)} FROM gateway GROUP BY instance ORDER BY time DESC LIMIT 1"
        return {
            one["tags"]["instance"]: dict(zip(names, one["values"][0][1:], strict=True))
            for one in self.influxql(asked)
        }
