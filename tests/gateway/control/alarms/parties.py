"""Recipients of alarms on loopback: a webhook and a mail server, both of which can refuse messages."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def webhook():
    """Yields (address, posted). With `posted.refuse` the webhook takes each message and answers 503; with
    `posted.elsewhere` it redirects to that address; a message that contains `posted.unwanted` gets 413.
    """
    posted = Posted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.account = self.headers["Authorization"]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            unwanted = posted.unwanted and posted.unwanted.encode() in body
            if not unwanted:
                posted.append(json.loads(body))
            status = 413 if unwanted else 503 if posted.refuse else 301 if posted.elsewhere else 204
            self.send_response(status)
            if posted.elsewhere:
                self.send_header("Location", posted.elsewhere)
            self.end_headers()

        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}/alarms", posted


class Posted(list):
    refuse = False
    elsewhere = ""
    unwanted = ""
    account = None


@contextmanager
def mail_server(goodbye="221 bye"):
    """Yields (address, mails); mails are bytes. The server speaks as much SMTP as a client without TLS needs
    and refuses recipients whose name begins with "gone".
    """
    mails = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.say("220 here")
            for line in self.rfile:
                verb = line.split()[0].upper()
                if verb == b"DATA":
                    self.say("354 go on")
                    mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                if verb == b"QUIT":
                    self.say(goodbye)
                    return
                self.say("550 nobody" if b"<gone" in line else "250 ok")

        def say(self, words):
            self.wfile.write(f"{words}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"smtp://127.0.0.1:{server.server_address[1]}", mails


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
