"""Files and folders from a web server: a real one, with TLS, ranges, and every fault that a connection has."""

from __future__ import annotations

import datetime
import functools
import hashlib
import http.server
import ipaddress
import json
import re
import ssl
import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from onecurve.errors import InputError
from onecurve.results import transport
from onecurve.results.file_list import read_manifest, write_manifest
from onecurve.results.pulling import pull
from onecurve.results.reading import read_curves

STEPS = list(range(25, 1025, 25))


def tidy(path: Path, sizes=(10.0, 20.0, 40.0)) -> Path:
    rows = [(size, seed, step) for size in sizes for seed in range(4) for step in STEPS]
    frame = pl.DataFrame(rows, schema=["size", "seed", "step"], orient="row")
    loss = 1.7 + (frame["step"] / 1000) ** -0.3 * frame["size"] ** -0.2 * (1 + frame["seed"] / 1000)
    frame.with_columns(family=pl.lit("gpt"), dataset=pl.lit("web"), loss=loss).write_parquet(path)
    return path


class Handler(http.server.SimpleHTTPRequestHandler):
    """Hands out a folder by ranges; the server's fields say what goes wrong."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range")))
        if server.moved.get(self.path):
            self.send_response(302)
            self.send_header("Location", server.moved[self.path])
            self.end_headers()
            return
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        content, start = path.read_bytes(), 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and server.ranges:
            start = int(asked[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{hashlib.md5(content).hexdigest()}"')
        self.end_headers()
        breaks = server.breaks.pop(0) if server.breaks and path.name != "manifest.json" else None
        self.wfile.write(content[start:] if breaks is None else content[start : start + breaks])
        self.close_connection = True


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
    built = built.not_valid_after(now + datetime.timedelta(days=1)).add_extension(host, critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = built.sign(key, hashes.SHA256())
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return pem, private


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def serve(tmp_path, signed, monkeypatch):
    """Start a server for the folder ``served``; returns it, with its address as ``url``."""
    monkeypatch.setattr(transport, "_WAIT", 0.0)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(signed[0]))
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path / "cache"))
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "served"
    root.mkdir()
    started = []

    def start(tls: bool = True):
        handler = functools.partial(Handler, directory=str(root))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.asked, server.breaks, server.ranges, server.moved = [], [], True, {}
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*signed)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # a client that goes away is no news
        server.root, server.url = root, f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


def equal(left, right) -> bool:
    pairs = list(zip(left, right, strict=True))
    return all((a.size, a.seed) == (b.size, b.seed) and np.array_equal(a.loss, b.loss) for a, b in pairs)


def test_analyze_reads_a_file_over_tls(serve):
    server = serve()
    path = tidy(server.root / "c.parquet")
    assert equal(read_curves([f"{server.url}/c.parquet"]), read_curves([path]))


def test_analyze_reads_a_folder_with_a_manifest_and_fetches_nothing_twice(serve):
    server = serve()
    for part, size in enumerate((10.0, 20.0, 40.0)):
        tidy(server.root / f"part-{part}.parquet", (size,))
    write_manifest(server.root)
    here = read_curves([server.root])
    assert equal(read_curves([server.url]), here)
    server.asked.clear()
    read_curves([server.url])
    assert server.asked == [("/manifest.json", None)]


def test_what_the_server_lists_no_longer_is_not_read(serve):
    server = serve()
    for part, size in enumerate((10.0, 20.0)):
        tidy(server.root / f"part-{part}.parquet", (size,))
    write_manifest(server.root)
    assert len(read_curves([server.url])) == 8
    (server.root / "part-1.parquet").unlink()
    write_manifest(server.root)
    assert len(read_curves([server.url])) == 4


def test_pull_copies_checks_and_can_be_pulled_again(serve, tmp_path):
    server = serve()
    (server.root / "deep").mkdir()
    tidy(server.root / "deep" / "a b.parquet")
    tidy(server.root / "b.parquet")
    write_manifest(server.root)
    assert pull(server.url, tmp_path / "copy") == (2, 0)
    assert pull(server.url, tmp_path / "copy") == (0, 2)
    copy = tmp_path / "copy" / "deep" / "a b.parquet"
    assert copy.read_bytes() == (server.root / "deep" / "a b.parquet").read_bytes()
    listed = {entry.name for entry in read_manifest((tmp_path / "copy" / "manifest.json").read_text(), "m")}
    assert listed == {"b.parquet", "deep/a b.parquet", "checksums.sha256"}
    assert not list((tmp_path / "copy").rglob("*.part"))


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_a_broken_connection_is_resumed(serve, tmp_path, ranges):
    server = serve()
    content = np.random.default_rng(0).bytes(900_000)
    (server.root / "big.parquet").write_bytes(content)
    write_manifest(server.root)
    server.breaks, server.ranges = [300_000, 200_000], ranges
    pull(server.url, tmp_path / "copy")
    assert (tmp_path / "copy" / "big.parquet").read_bytes() == content
    starts = [asked for path, asked in server.asked if path == "/big.parquet"]
    assert len(starts) == 3
    assert starts[0] is None
    assert all(int(asked[len("bytes=") : -1]) > 0 for asked in starts[1:])


def test_a_second_command_goes_on_where_the_first_was_stopped(serve, tmp_path):
    server = serve()
    content = np.random.default_rng(0).bytes(500_000)
    (server.root / "big.parquet").write_bytes(content)
    write_manifest(server.root)
    server.breaks = [400_000, *[0] * transport._TRIES]
    with pytest.raises(InputError, match=r"big.parquet broke off at byte \d{6} of 500000, 5 times in a row"):
        pull(server.url, tmp_path / "copy")
    left = (tmp_path / "copy" / "big.parquet.part").stat().st_size
    assert left > 300_000
    server.asked.clear()
    assert pull(server.url, tmp_path / "copy") == (1, 0)
    assert ("/big.parquet", f"bytes={left}-") in server.asked
    assert (tmp_path / "copy" / "big.parquet").read_bytes() == content


def test_a_piece_of_another_file_is_thrown_away(serve, tmp_path):
    server = serve()
    (server.root / "a.parquet").write_bytes(b"right" * 100)
    write_manifest(server.root)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.parquet.part").write_bytes(b"wrong" * 50)
    pull(server.url, tmp_path / "copy")
    assert (tmp_path / "copy" / "a.parquet").read_bytes() == b"right" * 100


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"Right" * 100, r"sha256 [0-9a-f]{12}\.\.\., its manifest says"), (b"right" * 101, "longer than the 500 bytes")],
    ids=["changed", "longer"],
)
def test_a_file_that_changed_since_is_refused_and_leaves_nothing(serve, tmp_path, content, message):
    server = serve()
    (server.root / "a.parquet").write_bytes(b"right" * 100)
    write_manifest(server.root)
    (server.root / "a.parquet").write_bytes(content)
    with pytest.raises(InputError, match=message):
        pull(server.url, tmp_path / "copy")
    assert not (tmp_path / "copy" / "a.parquet").exists()


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:evil", "a//b", "", "./a", "\0"]
)
def test_a_name_that_leaves_the_folder_is_refused_before_anything_is_written(serve, tmp_path, name):
    server = serve()
    entry = {"name": name, "size": 4, "sha256": hashlib.sha256(b"evil").hexdigest()}
    (server.root / "manifest.json").write_text(json.dumps({"version": 1, "files": [entry]}))
    with pytest.raises(InputError, match="would be written outside the folder: refused"):
        pull(server.url, tmp_path / "copy")
    assert [path for path, _ in server.asked] == ["/manifest.json"]
    assert not (tmp_path / "copy").exists()


def test_a_link_in_the_target_leads_nowhere(serve, tmp_path):
    server = serve()
    (server.root / "deep").mkdir()
    (server.root / "deep" / "a.parquet").write_bytes(b"content")
    write_manifest(server.root)
    (tmp_path / "copy").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "copy" / "deep").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="by a link: refused"):
        pull(server.url, tmp_path / "copy")
    assert not list((tmp_path / "outside").iterdir())


def test_a_certificate_that_nobody_trusts_is_refused(serve, tmp_path, monkeypatch):
    server = serve()
    write_manifest(server.root)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(InputError, match="certificate of .* is not trusted.*REQUESTS_CA_BUNDLE"):
        pull(server.url, tmp_path / "copy")


def test_plain_http_is_for_this_machine_alone(serve, tmp_path):
    server = serve(tls=False)
    (server.root / "a.parquet").write_bytes(b"content")
    write_manifest(server.root)
    assert pull(server.url, tmp_path / "copy") == (1, 0)
    with pytest.raises(InputError, match="not encrypted"):
        pull("http://192.0.2.1/runs", tmp_path / "other")


def test_a_redirect_to_plain_http_is_refused(serve, tmp_path):
    server = serve()
    server.moved["/manifest.json"] = "http://192.0.2.1/manifest.json"
    with pytest.raises(InputError, match="192.0.2.1.* is not encrypted"):
        pull(server.url, tmp_path / "copy")


def test_a_redirect_is_followed(serve, tmp_path):
    server = serve()
    (server.root / "a.parquet").write_bytes(b"content")
    write_manifest(server.root)
    server.moved["/old/manifest.json"] = "/manifest.json"
    server.moved["/old/a.parquet"] = f"{server.url}/a.parquet"
    assert pull(f"{server.url}/old", tmp_path / "copy") == (1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>welcome</html>", "no JSON"),
        ("[]", "no list `files`"),
        ('{"version": 2, "files": []}', "version 2; known here is 1"),
        ('{"version": 1, "files": [{"name": "a", "size": -1, "sha256": "0"}]}', "size of 'a' is -1"),
        ('{"version": 1, "files": [{"name": "a", "size": 1, "sha256": "0"}]}', "sha256 of 'a' is '0'"),
        (json.dumps({"version": 1, "files": [{"name": "a", "size": 1, "sha256": "0" * 64}] * 2}), "'a' twice"),
    ],
)
def test_what_is_no_manifest_is_refused(serve, tmp_path, text, message):
    server = serve()
    (server.root / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=message):
        pull(f"{server.url}/", tmp_path / "copy")


def test_errors_name_the_address_and_no_secrets(serve):
    server = serve()
    (server.root / "c.csv").write_text("a,b\n1,2\n")
    address = server.url.replace("https://", "https://user:secret@")
    with pytest.raises(InputError) as raised:
        read_curves([f"{address}/c.csv?token=hidden"])
    assert str(raised.value).startswith(f"{server.url}/c.csv has no column")
    assert "secret" not in str(raised.value)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(("path", "message"), [("/nothing.csv", "is not there"), ("/nothing/", "has no manifest.json")])
def test_what_is_not_there(serve, path, message):
    server = serve()
    with pytest.raises(InputError, match=message):
        read_curves([server.url + path])


def test_a_server_that_does_not_answer(serve, tmp_path):
    with pytest.raises(InputError, match="cannot be reached"):
        pull("https://127.0.0.1:1/runs", tmp_path / "copy")


def test_a_tier_is_fetched_and_no_more(serve, tmp_path):
    server = serve()
    for name in ("README.md", "groups.parquet", "curves.parquet"):
        (server.root / name).write_bytes(name.encode())
    write_manifest(server.root, {"groups.parquet": "summary", "curves.parquet": "curves"})
    assert pull(server.url, tmp_path / "copy", "summary") == (2, 0)
    assert "/curves.parquet" not in [path for path, _ in server.asked]
    assert pull(server.url, tmp_path / "copy", "curves") == (1, 2)
    assert pull(server.url, tmp_path / "copy", "curves") == (0, 3)
    write_manifest(server.root)
    with pytest.raises(InputError, match=f"{server.url} has no tiers"):
        pull(server.url, tmp_path / "copy", "summary")
    with pytest.raises(InputError, match="has no manifest.json, so it has no tiers"):
        pull(f"{server.url}/curves.parquet", tmp_path / "copy", "summary")


def test_a_file_in_the_place_of_a_folder_is_refused(serve, tmp_path):
    server = serve()
    entries = [{"name": name, "size": 1, "sha256": hashlib.sha256(b"a").hexdigest()} for name in ("a", "a/b")]
    (server.root / "a").write_bytes(b"a")
    (server.root / "manifest.json").write_text(json.dumps({"version": 1, "files": entries}))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a").write_bytes(b"a")
    with pytest.raises(InputError, match="'a/b' cannot be written"):
        pull(server.url, tmp_path / "copy")


@pytest.mark.parametrize("link", ["checksums.sha256", "manifest.json", "a.parquet.part"])
def test_a_link_in_the_place_of_a_file_leads_nowhere(serve, tmp_path, link):
    server = serve()
    (server.root / "a.parquet").write_bytes(b"content")
    write_manifest(server.root)
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / link).symlink_to(tmp_path / "mine")
    pull(server.url, tmp_path / "copy")
    assert (tmp_path / "mine").read_text() == "mine"
