"""Node-RED with the InfluxDB batch node of its library, installed by npm."""

import json
from pathlib import Path

from benchmarks.peers.processes import Missing, Running, cache, find, install
from benchmarks.peers.testbed import Testbed
from tests.loopback import free_port

VERSION = "5.0.7"
# node-red wants a newer Node than many systems have, so npm installs that as well
PACKAGES = (f"node-red@{VERSION}", "node-red-contrib-influxdb@0.7.0", "node@22")
_RED, _NODE, _NODES = (
    f"node_modules/{part}" for part in ("node-red/red.js", "node/bin/node", "node-red-contrib-influxdb")
)
# A flow's author writes this between the two nodes: one point per message, and batches by number or by time.
_COLLECT = """
const [, , pilot, community, device] = msg.topic.split('/');
const held = context.get('held') || [];
held.push({measurement: 'telemetry', tags: {pilot, community, device}, fields: msg.payload.values,
           timestamp: msg.payload.ts});
const flush = () => {
    const points = context.get('held') || [];
    context.set('held', []);
    if (points.length) { node.send({payload: points}, false); }
};
context.set('held', held);
if (held.length >= 2000) { flush(); }
else if (held.length === 1) { setTimeout(flush, 200); }
"""
_SETTINGS = """
module.exports = {
    uiHost: '127.0.0.1', uiPort: PORT, disableEditor: true, httpAdminRoot: false, httpNodeRoot: false,
    credentialSecret: false, flowFile: 'flows.json', telemetry: {enabled: false, updateNotification: false},
    externalModules: {palette: {allowInstall: false}, modules: {allowInstall: false}},
    logging: {console: {level: 'info', metrics: false, audit: false}},
};
"""


class NodeRed:
    """mqtt in, JSON parsed → a function that collects → influxdb batch."""

    name = f"Node-RED {VERSION}"

    def prepare(self) -> None:
        home = _home()
        if all((home / part).exists() for part in (_RED, _NODE, _NODES)):
            return
        npm = find("npm", "Node-RED is installed by it")
        (home / "package.json").write_text('{"private": true}')
        install([npm, "install", "--no-audit", "--no-fund", *PACKAGES], home, "Node-RED")
        for part in (_RED, _NODE, _NODES):
            if not (home / part).exists():
                raise Missing(f"Node-RED: npm left no {part} in {home}")

    def start(self, bed: Testbed, folder: Path, bucket: str) -> list[Running]:
        home = _home()
        (folder / "flows.json").write_text(json.dumps(self._flow(bed, bucket)))
        (folder / "flows_cred.json").write_text(json.dumps({"influx": {"token": bed.store.token}}))
        (folder / "package.json").write_text('{"name": "bench", "private": true}')
        (folder / "settings.js").write_text(_SETTINGS.replace("PORT", str(free_port())))
        modules = folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(home / "node_modules")
        command = [str(home / _NODE), str(home / _RED), "--userDir", str(folder)]
        return [Running([*command, "-s", str(folder / "settings.js")], folder, "node-red")]

    def books(self, folder: Path) -> dict[str, int]:
        return {}

    def _flow(self, bed: Testbed, bucket: str) -> list[dict[str, object]]:
        return [
            {"id": "tab", "type": "tab", "label": "bench"},
            {"id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(bed.broker.port),
             "clientid": "node-red", "autoConnect": True, "autoUnsubscribe": False, "protocolVersion": "4",
             "keepalive": "60", "cleansession": False, "usetls": False},
            {"id": "influx", "type": "influxdb", "influxdbVersion": "2.0", "url": bed.store.url,
             "timeout": 20, "rejectUnauthorized": True},
            {"id": "in", "type": "mqtt in", "z": "tab", "topic": "hoiquan/v1/+/+/+/telemetry", "qos": "1",
             "datatype": "json", "broker": "broker", "inputs": 0, "wires": [["collect"]]},
            {"id": "collect", "type": "function", "z": "tab", "outputs": 1, "timeout": 0,
             "func": _COLLECT, "wires": [["batch"]]},
            {"id": "batch", "type": "influxdb batch", "z": "tab", "influxdb": "influx",
             "precisionV18FluxV20": "ms", "org": bed.store.org, "bucket": bucket, "wires": []},
        ]  # fmt: skip


def _home() -> Path:
    return cache(f"node-red-{VERSION}")
