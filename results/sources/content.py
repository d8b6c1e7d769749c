"""What a file holds, told by its first bytes: its name is never asked."""

from __future__ import annotations

import codecs
import functools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...errors import InputError

HEAD = 65536  # bytes that are looked at before a file is read
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def head(path: Path, size: int = HEAD) -> bytes:
    """The first bytes of a file, unpacked where it is compressed; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            first = file.read(size)
        packing = _packing(first)
        return first if packing is None else _unpack(path, packing, size)
    except (OSError, pa.ArrowException):
        return b""


def content(path: Path) -> bytes:
    """All bytes of a file, unpacked where it is compressed with gzip, bz2, zstd or lz4."""
    try:
        packing = _packing(head_raw := path.read_bytes())
        return head_raw if packing is None else _unpack(path, packing, None)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def decoded(path: Path) -> tuple[bytes, list[str]]:
    """A text file as UTF-8 without a byte-order mark, and what had to be guessed.

    Raises
    ------
    InputError
        A file that is no text.
    """
    data = content(path)
    encoding, start = _encoding(data)
    if encoding == "utf-8":
        data = data[start:]
        if b"\0" in data[:HEAD]:
            raise InputError(f"{path} is no text: a table is a CSV, JSON, Parquet, Arrow or Excel file")
        try:
            if not data.isascii():
                data.decode()
        except UnicodeDecodeError:
            return data.decode("cp1252", "replace").encode(), ["The text is not UTF-8 and was read as Windows-1252."]
        return data, []
    try:
        return data[start:].decode(encoding).encode(), [f"The text is {encoding.upper()}."]
    except UnicodeDecodeError:
        raise InputError(f"{path} begins like {encoding.upper()} text but is damaged") from None


def opening(path: Path) -> str:
    """The first lines of a text file, decoded; empty where it is no text."""
    data = head(path)
    encoding, start = _encoding(data)
    if encoding == "utf-8" and b"\0" in data:
        return ""
    return data[start:].decode(encoding, "replace")


def is_json_lines(path: Path) -> bool:
    """Whether each line of the file is a JSON object of its own."""
    lines = [line for line in opening(path).splitlines() if line.strip()]
    if not lines or not lines[0].lstrip().startswith("{"):
        return False
    try:
        first = json.loads(lines[0])
    except ValueError:
        return False
    # A file of one line may as well be a whole document.
    single = isinstance(first, dict) and not any(isinstance(value, (dict, list)) for value in first.values())
    return lines[1].lstrip().startswith("{") if len(lines) > 1 else single


def json_of(path: Path) -> Any:
    """The value of a JSON file, or None where it is none. NaN and Infinity are taken, as Python writes them."""
    if opening(path).lstrip()[:1] not in ("{", "["):
        return None
    found = path.stat()
    return _json(str(path), found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=2)
def _json(path: str, _changed: int, _size: int) -> Any:
    try:
        return json.loads(decoded(Path(path))[0])
    except (ValueError, RecursionError):
        return None


def _packing(first: bytes) -> str | None:
    return next((name for mark, name in _PACKED.items() if first.startswith(mark)), None)


def _unpack(path: Path, packing: str, size: int | None) -> bytes:
    with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, packing) as stream:
        return stream.read() if size is None else stream.read(size)


def _encoding(data: bytes) -> tuple[str, int]:
    """The encoding and the length of the mark. Without a mark, zeros at every other byte of ASCII tell UTF-16."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name, len(mark)
    even, odd = data[0:400:2], data[1:400:2]
    if len(odd) > 4 and not even.strip(b"\0") and b"\0" not in odd:
        return "utf-16-be", 0
    if len(odd) > 4 and not odd.strip(b"\0") and b"\0" not in even:
        return "utf-16-le", 0
    return "utf-8", 0
