"""`onecurve serve`: what a client gets, and what it never gets, from a server on the loopback address."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest
from onecurve.errors import InputError
from onecurve.scripts.serving import HOST, ReadOnly


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.html").write_text("secret")
    run = tmp_path / "run"
    (run / "tables").mkdir(parents=True)
    (run / "report.html").write_text("<p>page</p>")
    (run / "tables" / "a <b>&.csv").write_text("x\n1\n")
    (run / "figure.svg").write_text("<svg/>")
    (run / "lock.yaml").write_text("not shown")
    (run / ".hidden.csv").write_text("secret")
    (run / "out.csv").symlink_to(tmp_path / "secret.html")
    (run / "up").symlink_to(tmp_path)
    return run


@pytest.fixture
def server(folder):
    with ReadOnly(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, path="/", method="GET", headers=None):
    client = http.client.HTTPConnection(HOST, server.server_port, timeout=10)
    client.request(method, path, headers=headers or {})
    answer = client.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def raw(server, text):
    with socket.create_connection((HOST, server.server_port), 10) as client:
        client.sendall(text.replace("PORT", str(server.server_port)).encode())
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_the_page_its_tables_and_figures_are_shown(server, folder):
    with urllib.request.urlopen(server.address) as answer:
        assert answer.read() == b"<p>page</p>" and answer.headers["Content-Type"].startswith("text/html")
    assert ask(server, "/report.html?x=1")[2] == b"<p>page</p>"
    status, head, body = ask(server, "/tables/")
    assert status == 200 and b"a &lt;b&gt;&amp;.csv" in body and b"<b>" not in body
    link = body.partition(b'<a href="')[2].partition(b'"')[0].decode()
    assert ask(server, link)[2] == b"x\n1\n"
    status, head, _ = ask(server, "/figure.svg")
    assert status == 200 and head["Content-Security-Policy"].startswith("sandbox")
    assert head["X-Content-Type-Options"] == "nosniff" and head["Cross-Origin-Resource-Policy"] == "same-origin"
    (folder / "report.html").write_text("<p>grown</p>")
    assert ask(server)[2] == b"<p>grown</p>"


def test_head_has_no_body(server):
    status, head, body = ask(server, method="HEAD")
    assert (status, head["Content-Length"], body) == (200, "11", b"")


@pytest.mark.parametrize("path", [
    "/../secret.html", "/%2e%2e/secret.html", "/..%2fsecret.html", "/tables/../../secret.html", "/..\\secret.html",
    "/%2e%2e%5csecret.html", "//etc/passwd", "/out.csv", "/up/secret.html", "/up/", "/.hidden.csv", "/lock.yaml",
    "/report.html%00.csv", "/%ff.csv", "/none.html", "/c:/secret.html", "/" + "x" * 5000 + ".csv",
])  # fmt: skip
def test_what_is_not_to_be_shown_is_not(server, path):
    answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost:PORT\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 404") and b"secret\n" not in answer and b"root:" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MKCOL"])
def test_other_methods_are_refused_and_change_nothing(server, folder, method):
    before = sorted(path.name for path in folder.iterdir())
    status, head, _ = ask(server, "/report.html", method)
    assert status == (501 if method == "MKCOL" else 405) and head.get("Allow", "GET, HEAD") == "GET, HEAD"
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(("hosts", "status"), [
    (["localhost:PORT"], 200), (["127.0.0.1:PORT"], 200), (["[::1]:PORT"], 200), (["LOCALHOST:PORT"], 200),
    (["evil.example:PORT"], 421), (["localhost"], 421), (["localhost:1"], 421), (["127.0.0.1.evil.example:PORT"], 421),
    ([], 421), ([""], 421), (["localhost:PORT", "evil.example"], 421),
])  # fmt: skip
def test_a_host_of_another_name_is_refused(server, hosts, status):
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    answer = raw(server, f"GET / HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")
    assert answer.startswith(f"HTTP/1.0 {status}".encode()) and (b"page" in answer.split(b"\r\n\r\n")[1]) == (
        status == 200
    )


def test_it_listens_on_the_loopback_address_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_page_alone_and_a_folder_without_one(folder, tmp_path):
    with ReadOnly(folder / "report.html") as server:
        assert server.find("/") == folder / "report.html"
    (tmp_path / "empty").mkdir()
    with ReadOnly(tmp_path / "empty") as server:
        assert server.find("/") == tmp_path / "empty"


@pytest.mark.parametrize(
    ("name", "message"), [("none", "is not there"), ("run/lock.yaml", "neither a folder nor a page")]
)
def test_what_cannot_be_served(folder, tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        ReadOnly(tmp_path / name)


def test_a_port_that_is_taken_is_said(server, folder):
    with pytest.raises(InputError, match="--port 0 takes a free one"):
        ReadOnly(folder, server.server_port)


def test_the_verb_says_where_and_serves(folder):
    command = [sys.executable, "-m", "onecurve.scripts.cli", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        try:
            said = process.stdout.readline()
            address = next(word for word in said.split() if word.startswith("http://"))
            with urllib.request.urlopen(address, timeout=30) as answer:
                assert answer.read() == b"<p>page</p>"
        finally:
            process.kill()
