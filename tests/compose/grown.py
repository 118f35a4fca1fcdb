"""The services with docker-compose.grow.yml: three gateways on a shared subscription, PostgreSQL."""

import json
from pathlib import Path
from typing import Any

from tests.compose.village import Village, until

FILES = ("-f", "docker-compose.yml", "-f", "docker-compose.grow.yml")
GATEWAYS = ("gateway", "gateway-2", "gateway-3")


class Grown(Village):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "grown")
        self.environment["HOIQUAN_HISTORY"] = "2d"  # test_compose.py has a month
        self.environment["KEPT"] = ""  # Debian's 2.0, which stands in for the broker, has no persist-sqlite

    def compose(self, *arguments: str, seconds: float = 60) -> str:
        return self.run("docker", "compose", *FILES, *arguments, seconds=seconds)

    def enroll(self, device: str) -> dict[str, Any]:
        one = ["--community", "tam-que", "--model", "soil-probe", "--id", device, "--json"]
        shown: dict[str, Any] = json.loads(self.hoiquan("device", "enroll", *one))

        def known() -> bool:
            """The broker knows the device within a second or two."""
            sensor = self.sensor(shown["user"], shown["password"])
            sensor.close()
            return sensor.reason == "Success"

        until(known, 20)
        return shown
