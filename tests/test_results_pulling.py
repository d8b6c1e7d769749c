"""Copies from folders and from an S3 server: broken off, cut short, tampered with, and full of names that lead out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from onecurve.errors import InputError
from onecurve.results import pulling
from onecurve.results.file_list import write_manifest, write_sums
from onecurve.results.pulling import pull
from onecurve.results.store import Store

BIG = np.random.default_rng(0).bytes(3_500_000)


@pytest.fixture(params=["folder", "s3"])
def source(request, tmp_path):
    """Writes a folder of published tables, here or on an S3 server, and gives its address."""
    here = tmp_path / "published"

    def put(files: dict[str, bytes], listed: dict[str, bytes] | None = None) -> str:
        for name, content in (files if listed is None else listed).items():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_bytes(content)
        write_manifest(here, {name: "curves" for name in files if name.endswith(".parquet")})
        for name, content in files.items():
            (here / name).write_bytes(content)
        if request.param == "folder":
            return str(here)
        uri = request.getfixturevalue("s3").uri
        for path in here.rglob("*"):
            if path.is_file():
                Store(uri).write_bytes(path.relative_to(here).as_posix(), [path.read_bytes()])
        return uri

    return put


class Breaking:
    """A file system whose files break off after so many bytes, each time."""

    def __init__(self, fs, after):
        self.fs, self.after, self.read = fs, after, []

    def __getattr__(self, name):
        return getattr(self.fs, name)

    def open_input_file(self, path):
        source, owner = self.fs.open_input_file(path), self

        class File:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                source.close()

            def seek(self, to):
                owner.read.append([to, 0])
                source.seek(to)

            def read(self, most):
                if owner.read[-1][1] >= owner.after:
                    raise OSError("the connection was reset")
                piece = source.read(most)
                owner.read[-1][1] += len(piece)
                return piece

        return File()


def test_a_copy_that_broke_off_goes_on_where_it_did(source, tmp_path, monkeypatch):
    uri, made = source({"big.parquet": BIG}), []

    def broken(place):
        store = Store(place)
        store.fs = Breaking(store.fs, 1 << 20)
        made.append(store.fs)
        return store

    monkeypatch.setattr(pulling, "Store", broken)
    for times in (1, 2, 3):
        with pytest.raises(InputError, match="cannot be copied.*the connection was reset"):
            pull(uri, tmp_path / "copy")
        assert (tmp_path / "copy" / "big.parquet.part").stat().st_size == times << 20
        assert not (tmp_path / "copy" / "big.parquet").exists()
    assert pull(uri, tmp_path / "copy") == (1, 0)
    assert [one.read[0][0] for one in made] == [0, 1 << 20, 2 << 20, 3 << 20]
    assert (tmp_path / "copy" / "big.parquet").read_bytes() == BIG
    assert not list((tmp_path / "copy").glob("*.part"))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"Right" * 100, "its list says"), (b"right" * 99, "has 495 bytes, its manifest says 500")],
    ids=["tampered", "truncated"],
)
def test_what_does_not_match_is_refused_and_leaves_what_was_there(source, tmp_path, content, message):
    uri = source({"a.parquet": content}, listed={"a.parquet": b"right" * 100})
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.parquet").write_bytes(b"mine")
    with pytest.raises(InputError, match=message):
        pull(uri, tmp_path / "copy")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "copy").iterdir()] == [("a.parquet", b"mine")]


def test_a_piece_of_another_file_is_thrown_away(source, tmp_path):
    uri = source({"a.parquet": b"right" * 100})
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a.parquet.part").write_bytes(b"wrong" * 50)
    pull(uri, tmp_path / "copy")
    assert (tmp_path / "copy" / "a.parquet").read_bytes() == b"right" * 100


def test_a_table_that_is_listed_and_lost_is_said(source, tmp_path):
    uri = source({"a.parquet": b"a", "b.parquet": b"b"})
    Store(uri).remove("b.parquet")
    with pytest.raises(InputError, match="lists 'b.parquet', which is not there"):
        pull(uri, tmp_path / "copy")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "a//b"])
@pytest.mark.parametrize("where", ["manifest", "checksums"])
def test_names_that_lead_out_are_refused_before_anything_is_written(tmp_path, name, where):
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "a.parquet").write_bytes(b"a")
    sha256 = hashlib.sha256(b"evil").hexdigest()
    if where == "manifest":
        entry = {"name": name, "size": 4, "sha256": sha256, "tier": "curves"}
        (folder / "manifest.json").write_text(json.dumps({"version": 1, "files": [entry]}))
    else:
        write_sums(folder, {name: sha256})
    with pytest.raises(InputError, match="outside the folder: refused"):
        pull(str(folder), tmp_path / "copy")
    assert {path.name for path in tmp_path.iterdir()} == {"published"}


def test_keys_of_an_object_store_that_lead_out_are_refused(s3, s3_server, tmp_path):
    """A bucket may hold keys that no file system has."""
    import boto3

    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3_server}", region_name="us-east-1")
    for name in ("a.parquet", "../evil.parquet"):
        client.put_object(Bucket="bucket", Key=f"{tmp_path.name}/{name}", Body=b"evil")
    with pytest.raises(InputError, match="would be written outside"):
        pull(s3.uri, tmp_path / "deep" / "copy")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("link", ["a.parquet", "a.parquet.part", "checksums.sha256", "manifest.json"])
def test_a_link_in_the_copy_is_replaced_and_what_it_leads_to_stays(source, tmp_path, link):
    uri, mine = source({"a.parquet": b"content"}), tmp_path / "mine"
    mine.write_bytes(b"mine")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / link).symlink_to(mine)
    pull(uri, tmp_path / "copy")
    assert mine.read_bytes() == b"mine"
    assert (tmp_path / "copy" / "a.parquet").read_bytes() == b"content"
    assert not any(path.is_symlink() for path in (tmp_path / "copy").iterdir())


def test_a_folder_of_the_copy_that_leads_out_is_refused(source, tmp_path):
    uri = source({"deep/a.parquet": b"content"})
    (tmp_path / "copy").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "copy" / "deep").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="by a link: refused"):
        pull(uri, tmp_path / "copy")
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize("there", ["file", "folder"])
def test_a_copy_that_cannot_be_written_is_said(source, tmp_path, there):
    uri, copy = source({"deep/a.parquet": b"content"}), tmp_path / "copy"
    blocked: Path = copy / "deep" if there == "file" else copy / "deep" / "a.parquet"
    if there == "file":
        copy.mkdir()
        blocked.write_text("mine")
    else:
        blocked.mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be written"):
        pull(uri, copy)
    assert blocked.exists()
