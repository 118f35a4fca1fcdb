"""The routes of SensorThings: read-only, and every refusal is JSON with a `message`, as clients expect."""

import json
import logging
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from dashboards.figures import Figures
from dashboards.sta import address, options
from dashboards.sta.hours import Hours
from dashboards.sta.network import Survey
from dashboards.sta.numbers import Numbers
from dashboards.sta.reader import Reader
from dashboards.sta.sets import WAYS, BadQuery
from devices.access.database import RegistryAway
from gateway.stores.store import RetryLater

PREFIX = "/sta/v1.1"
READ = ("GET", "HEAD")
METHODS = (*READ, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SPEC = "http://www.opengis.net/spec/iot_sensing/1.1/req"
CONFORMS = ("datamodel", "resource-path/resource-path-to-entities", "request-data")
FRESH = 30  # seconds for which caches may keep an answer

log = logging.getLogger(__name__)


def router(figures: Figures) -> APIRouter:
    """Read-only routes over the figures."""
    survey = Survey(figures, Numbers(figures.registry_url))
    routes = APIRouter()

    @routes.api_route(PREFIX, methods=list(METHODS), include_in_schema=False)
    @routes.api_route(f"{PREFIX}/{{path:path}}", methods=list(METHODS), include_in_schema=False)
    async def sta(request: Request, path: str = "") -> Response:
        if request.method not in READ:
            return _refused(405, "the data can only be read: GET or HEAD", {"Allow": ", ".join(READ)})
        try:
            return await run_in_threadpool(_answer, request, path.rstrip("/"), figures, survey)
        except BadQuery as error:
            return _refused(400, str(error))
        except address.NotFound as error:
            return _refused(404, str(error))
        except (RetryLater, RegistryAway) as error:
            log.warning("%s is not shown: %s", request.url.path, error)
            return _refused(503, error.public("en"), {"Retry-After": "5"})

    return routes


def _answer(request: Request, path: str, figures: Figures, survey: Survey) -> Response:
    root = f"{str(request.base_url).rstrip('/')}{PREFIX}"
    if not path:
        return _json(_root(root, figures))
    reader = Reader(survey.network(), Hours(figures), root)
    target = address.find(path, reader)
    wanted = options.of_query(request.url.query, target.set)
    if target.field is not None and target.entity is not None:
        value = target.entity.id if target.field == "@iot.id" else target.entity.fields[target.field]
        if not target.raw:
            return _json({target.field: value})
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return Response(text, media_type="text/plain; charset=utf-8", headers=_headers())
    if target.entity is not None:
        if target.ref:
            return _json({"@iot.selfLink": reader.address(target.entity)})
        return _json(reader.json(target.entity, wanted))
    assert target.scope is not None
    here = f"{root}/{path}"
    if not target.ref:
        return _json(reader.several(target.scope, wanted, here))
    page = reader.page(target.scope, wanted)
    links: dict[str, Any] = {} if page.total is None else {"@iot.count": page.total}
    if page.more:
        links["@iot.nextLink"] = f"{here}?{wanted.following()}"
    return _json({**links, "value": [{"@iot.selfLink": reader.address(one)} for one in page.entities]})


def _root(root: str, figures: Figures) -> dict[str, Any]:
    """The root document: the eight sets and nothing else, as OGC's test suite stops at any other name."""
    about = {"conformance": [f"{SPEC}/{name}" for name in CONFORMS]}
    if figures.rehearsal is not None:  # a scenario that was played: nothing of it happened
        about["rehearsal"] = [figures.rehearsal.en]
    return {"value": [{"name": name, "url": f"{root}/{name}"} for name in WAYS], "serverSettings": about}


def _headers() -> dict[str, str]:
    return {"Cache-Control": f"public, max-age={FRESH}", "Access-Control-Allow-Origin": "*"}


def _json(content: dict[str, Any]) -> Response:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text, media_type="application/json", headers=_headers())


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps({"code": status, "type": "error", "message": message}, ensure_ascii=False)
    sent = {"Access-Control-Allow-Origin": "*", **(headers or {})}
    return Response(text, status, media_type="application/json", headers=sent)
