"""deploy/proxy/nginx.conf itself before the pages, with only ports and certificate of this test."""

import gzip
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dashboards.site import site
from devices.settings import Settings
from devices.texts import LANGS, text
from tests.dashboards import soil
from tests.loopback import answers, free_port
from tests.programs import program
from tests.seen import Served
from tests.servers import Process

FILE = Path(__file__).parents[2] / "deploy" / "proxy" / "nginx.conf"
NAME = "village.example"
AROUND = """{user}worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/hoiquan.conf;
}}
"""


def certificate(folder):
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "privkey.pem").write_bytes(private)


class Proxy:
    """A running nginx before an application."""

    def __init__(self, folder, app):
        nginx, self.plain, self.secure = program("nginx"), free_port(), free_port()
        certificate(folder)
        self._trust = ssl.create_default_context(cafile=folder / "fullchain.pem")
        text = FILE.read_text("utf-8")
        for written, ours in (
            ("listen 80 ", f"listen 127.0.0.1:{self.plain} "),
            ("listen 443 ", f"listen 127.0.0.1:{self.secure} "),
            ("server 127.0.0.1:8080", f"server {app.removeprefix('http://')}"),
            (f"/etc/letsencrypt/live/{NAME}", str(folder)),
            ("/var/cache/nginx/hoiquan", f"{folder}/cache"),
        ):
            assert written in text, written
            text = text.replace(written, ours)
        (folder / "hoiquan.conf").write_text(text, "utf-8")
        user = "user root; " if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder), "utf-8")
        command = [nginx, "-p", str(folder), "-e", str(folder / "err"), "-c", str(folder / "nginx.conf")]
        self.process = Process("nginx", command, folder)

    def connected(self, name=NAME):
        return self._trust.wrap_socket(
            socket.create_connection(("127.0.0.1", self.secure), 30), server_hostname=name
        )

    def ask(self, path, method="GET", **headers):
        """(status, headers, bytes) as they arrived."""
        one = HTTPConnection(NAME, timeout=30)
        one.sock = self.connected()
        one.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = one.getresponse()
        body = answer.read()
        one.close()
        return answer.status, answer.headers, body


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    settings = Settings(data=folder, base_url=f"https://{NAME}")
    with soil.figures(folder) as figures, Served(site(settings, figures, lambda *_: None, ())) as app:
        made = Proxy(folder, app)
        made.process.start(lambda: answers(made.secure))
        yield made
        made.process.end()


def test_a_page_is_small_and_asked_for_once(proxy):
    status, headers, whole = proxy.ask("/scenarios")
    assert status == 200 and headers["Strict-Transport-Security"] and "X-Cache" not in headers
    _, small, body = proxy.ask("/scenarios", Accept_Encoding="gzip")
    assert small["Content-Encoding"] == "gzip" and gzip.decompress(body) == whole
    assert "Accept-Encoding" in ", ".join(small.get_all("Vary"))
    for one, encoding in ((headers, "identity"), (small, "gzip")):
        again = proxy.ask("/scenarios", Accept_Encoding=encoding, If_None_Match=one["ETag"])
        assert (again[0], again[2]) == (304, b"")


def test_links_are_https_under_the_public_name(proxy):
    assert proxy.ask("/api/v1/catalog.ttl")[2].count(b"https://village.example/") > 10
    status, headers, _ = proxy.ask("/api/v1/devices?limit=1")
    assert status == 200 and f"<https://{NAME}/api/v1/devices" in headers["Link"]


def test_what_may_be_kept_is_kept_and_the_rest_is_not(proxy):
    path = "/api/v1/devices.csv"
    assert [proxy.ask(path)[1]["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]
    assert [proxy.ask(path, Accept_Encoding="gzip")[1]["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]
    assert gzip.decompress(proxy.ask(path, Accept_Encoding="gzip")[2]) == proxy.ask(path)[2]
    assert proxy.ask(path, "HEAD")[1]["X-Cache"] == "HIT"
    etag = proxy.ask(path)[1]["ETag"]
    assert proxy.ask(path, If_None_Match=etag)[0] == 304
    assert [proxy.ask("/api/v1/nothing")[:2][1]["X-Cache"] for _ in range(2)] == ["MISS", "MISS"]
    assert [proxy.ask("/log/../secret")[0] for _ in range(2)] == [404, 404]


def test_each_language_is_kept_for_its_readers(proxy):
    for _ in range(2):
        assert b'lang="vi"' in proxy.ask("/", Accept_Language="vi")[2]
        assert b'lang="en"' in proxy.ask("/", Accept_Language="en")[2]


def test_pages_that_do_not_answer_are_told_of_in_both_languages(tmp_path):
    made = Proxy(tmp_path, f"http://127.0.0.1:{free_port()}")
    made.process.start(lambda: answers(made.secure))
    try:
        status, headers, body = made.ask("/01/02000000000039/10/A")
    finally:
        made.process.end()
    page = body.decode()
    assert status == 502 and headers["Content-Type"] == "text/html; charset=utf-8" and headers["Retry-After"]
    for lang in LANGS:
        for key in ("away_title", "busy", "again"):
            assert text(f"trouble.{key}", lang) in page


def test_another_name_gets_no_answer_and_plain_http_is_led_to_tls(proxy):
    with pytest.raises(ssl.SSLError):
        proxy.connected("evil.example")
    one = HTTPConnection("127.0.0.1", proxy.plain, timeout=30)
    one.request("GET", "/place/tam-que?a=b", headers={"Host": "evil.example"})
    answer = one.getresponse()
    assert answer.status == 308 and answer.headers["Location"] == f"https://{NAME}/place/tam-que?a=b"
    one.close()


def test_what_is_too_large_is_refused_before_it_is_read(proxy):
    one = proxy.connected()
    one.sendall(b"POST /check HTTP/1.1\r\nHost: village.example\r\nContent-Length: 20000000\r\n\r\n")
    assert one.recv(4096).startswith(b"HTTP/1.1 413 ")
    one.close()


def test_an_address_has_a_hundred_connections(proxy):
    """Each sends half a body, since nginx counts a connection only after its head has arrived."""
    held = [proxy.connected() for _ in range(100)]
    for one in held:
        one.sendall(b"POST /check HTTP/1.1\r\nHost: village.example\r\nContent-Length: 10\r\n\r\nx")
    statuses = {proxy.ask("/static/icon.svg")[0] for _ in range(3)}
    for one in held:
        one.close()
    assert statuses == {429}
