"""Tokens of one bucket: each service gets only the rights it needs, and never the administrator's token.

`hoiquan tokens` runs once before the services that read the tokens (docker-compose.yml). InfluxDB 2 chooses a
token's value itself, so the value goes into a file (HOIQUAN_INFLUX_TOKEN_FILE of the services). A token that
still has its rights stays. One that does not (the store was restored from a copy) is replaced, and older
tokens with the same description are deleted. The description holds the bucket's id: on a server that several
installations share, each makes and deletes only its own tokens.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.authorization import Authorization
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from devices.files import replace
from devices.texts import Misuse
from gateway.stores.influx import InfluxStore
from gateway.stores.store import RetryLater

log = logging.getLogger(__name__)
_TIMEOUT_MS = 20_000


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that may do `actions` ("read", "write") with the bucket, and the file that holds it."""

    name: str
    actions: tuple[str, ...]
    file: Path
    mode: int = 0o600


class NoTokens(Exception):
    """The server makes no tokens of its own: InfluxDB 1, or 3 Core."""


def provide(url: str, admin: str, org: str, bucket: str, grants: list[Grant]) -> list[str]:
    """Make sure that each grant's file holds a token that the server accepts; returns the names of new ones.

    A server that makes no tokens has one token for everything: each grant then gets that one, with a warning.
    Raises RetryLater, and ValueError for a bucket that does not exist.
    """
    new = []
    for grant in grants:
        stored = grant.file.read_text("utf-8").strip() if grant.file.exists() else ""
        if stored and stored != admin and _accepted(url, stored, org, bucket, grant):
            continue
        try:
            token = _created(url, admin, org, bucket, grant)
        except NoTokens:
            if stored == admin:
                continue
            log.warning("InfluxDB makes no tokens here: %s gets the one that may do everything", grant.name)
            token = admin
        _keep(grant, token)
        new.append(grant.name)
    return new


def _accepted(url: str, token: str, org: str, bucket: str, grant: Grant) -> bool:
    store = InfluxStore(url, token, org, bucket)
    try:
        return store.admits(grant.actions)
    finally:
        store.close()


def _created(url: str, admin: str, org: str, bucket: str, grant: Grant) -> str:
    """The value of a new token with this grant's rights."""
    with InfluxDBClient(url=url, token=admin, org=org, timeout=_TIMEOUT_MS) as client:
        tokens = client.authorizations_api()
        try:
            every = tokens.find_authorizations()
        except ApiException as error:
            # tokens are asked for first: when asking for a bucket, 404 would mean that the bucket is missing
            if error.status == 404:
                raise NoTokens from None
            raise _problem(error) from error
        except (HTTPError, OSError) as error:
            raise RetryLater("store.silent", error=error) from error
        try:
            place = _bucket(client, org, bucket)
            resource = PermissionResource(type="buckets", id=place.id, org_id=place.org_id)
            permissions = [Permission(action=action, resource=resource) for action in grant.actions]
            authorization = tokens.create_authorization(
                authorization=Authorization(
                    org_id=place.org_id, permissions=permissions, description=_described(grant, place.id)
                )
            )
            for one in every:
                if _forerunner(one, grant, place.id):
                    tokens.delete_authorization(one.id)
        except ApiException as error:
            raise _problem(error) from error
        except (HTTPError, OSError) as error:
            raise RetryLater("store.silent", error=error) from error
    value: str = authorization.token
    return value


def _described(grant: Grant, bucket_id: str) -> str:
    return f"{grant.name}, bucket {bucket_id}"


def _forerunner(one: Authorization, grant: Grant, bucket_id: str) -> bool:
    """Whether a token was made earlier for this grant and bucket; old versions left out the bucket's id."""
    if one.description not in (_described(grant, bucket_id), grant.name):
        return False
    return all(permission.resource.id == bucket_id for permission in one.permissions)


def _bucket(client: InfluxDBClient, org: str, bucket: str) -> Any:
    try:
        buckets = client.buckets_api().find_buckets(name=bucket, org=org).buckets
    except ApiException as error:
        if error.status != 404:
            raise
        if "organization" in str(error.body):
            raise Misuse("setting.no_org", org=org) from None
        buckets = []
    if not buckets:
        raise Misuse("setting.no_bucket", bucket=bucket, org=org)
    return buckets[0]


def _problem(error: ApiException) -> RetryLater:
    if error.status in (401, 403):
        return RetryLater("store.admin_token", status=error.status, alarm=True)
    return RetryLater("store.admin_answers", status=error.status, why=error.reason)


def _keep(grant: Grant, token: str) -> None:
    """Write the grant's file; a crash leaves the earlier one, or none."""
    replace(grant.file, token + "\n", grant.mode)
