"""The report: one page that holds everything, says every name as it is, and loads nothing."""

from __future__ import annotations

import base64
import csv
import dataclasses
import gzip
import io
import json
import re
import shutil
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_report import DATASETS, FAMILIES

DEMO = Path(__file__).resolve().parent.parent / "results" / "reference" / "quick.parquet"


class Seen(HTMLParser):
    """Elements of a page, its texts, and the words that stand in scripts by their id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.lasttag not in ("script", "style"):
            self.said.append(data)


def packed(text: str) -> dict[str, bytes]:
    found = json.loads(re.search(r'<script type="application/json" id="files">(.*?)</script>', text, re.DOTALL)[1])
    return {name: gzip.decompress(base64.b64decode(one["data"])) for name, one in found.items()}


def test_names_are_said_as_they_are_and_never_become_markup(report):
    text = report[0].read_text()
    seen = Seen(text)
    tags = {tag for tag, _ in seen.elements}
    assert "img" not in tags and not any("onerror" in attributes for _, attributes in seen.elements)
    assert all(any(name in said for said in seen.said) for name in (*FAMILIES, *DATASETS))
    # Three libraries' and two of ours, and the two that hold data: a name that ended one would make more.
    assert sum(tag == "script" for tag, _ in seen.elements) == 6
    assert "<b>" not in text.replace("\\u003cb\\u003e", "")


def test_nothing_is_loaded(report):
    for tag, attributes in Seen(report[0].read_text()).elements:
        for name in ("src", "href", "data", "action", "srcset"):
            where = attributes.get(name)
            assert where is None or where.startswith(("#", "data:")), f"{tag} {name}={where}"


def test_the_page_is_built_for_a_screen_reader(report):
    seen = Seen(report[0].read_text())
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"main", "nav", "header", "h1", "caption"} <= {tag for tag, _ in seen.elements}
    assert all(attributes.get("scope") for tag, attributes in seen.elements if tag == "th")
    links = {a["href"][1:] for tag, a in seen.elements if tag == "a"}
    assert links <= set(ids)


def test_every_table_and_figure_is_inside_with_the_numbers_of_the_analysis(report):
    page, found = report
    files = packed(page.read_text())
    assert json.loads(files["analysis.json"]) == found
    verdicts = pl.read_csv(io.BytesIO(files["verdicts.csv"]))
    assert verdicts["deviation"].to_list() == [group["deviation"] for group in found["groups"]]
    assert verdicts["family"].to_list() == [group["family"] for group in found["groups"]]
    for name in [name.removesuffix(".parquet") for name in files if name.endswith(".parquet")]:
        table = pq.read_table(io.BytesIO(files[f"{name}.parquet"]))
        assert table.num_rows == len(list(csv.reader(io.StringIO(files[f"{name}.csv"].decode())))) - 1
    figures = [name.removesuffix(".svg") for name in files if name.endswith(".svg")]
    assert {"summary", "deviations", "across-families", "onset", "exponents"} < set(figures)
    assert len(figures) == 5 + len(DATASETS)
    for name in figures:
        assert files[f"{name}.pdf"].startswith(b"%PDF") and b"<svg" in files[f"{name}.svg"]
        assert files[f"{name}.csv"].startswith(b"panel,family,")
    (wanted,) = {name for name in figures if "i-set-i" in name}
    drawn = pl.read_csv(io.BytesIO(files[f"{wanted}.csv"]))
    assert set(drawn["dataset"]) == {DATASETS[0]}


def test_what_the_page_is_made_of_is_installed():
    root = Path(__file__).resolve().parent.parent
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    files = [path for path in (root / "scripts" / "page").rglob("*.*") if path.suffix not in (".py", ".pyc")]
    assert len(files) == 10
    assert all(any(path.match(pattern) for pattern in patterns["onecurve.scripts.page"]) for path in files)


def test_every_answer_about_a_group_has_its_place():
    from onecurve.collapse.group_inquiry import GroupInquiry
    from onecurve.scripts.page.chapter import ASKED

    fields = {field.name for field in dataclasses.fields(GroupInquiry)}
    assert set(ASKED) == fields - {"family", "dataset", "recipe", "leg"}


def test_failed_runs_are_named(report):
    files = packed(report[0].read_text())
    rows = list(csv.DictReader(io.StringIO(files["unfinished-runs.csv"].decode())))
    assert {row["family"] for row in rows} == set(FAMILIES)
    assert {(row["parameters"], row["seed"], row["status"]) for row in rows} == {("2000.0", "1", "diverged")}
    assert all(0.3 < float(row["last_x"]) <= 0.4 for row in rows)


def test_the_command_and_the_hash_of_the_data_stand_on_the_page(report):
    from onecurve.results.reading import read_curves
    from onecurve.scripts.page.origin import data_hash

    page, _ = report
    curves = read_curves([page.parent / "curves.csv"])
    said = "".join(Seen(page.read_text()).said)
    assert "onecurve report '<curves>.csv'" in said and data_hash(curves) in said
    backwards = type(curves)(tuple(reversed(curves.curves)))
    assert data_hash(backwards) == data_hash(curves) != data_hash(type(curves)(curves.curves[1:]))


def test_the_same_contents_give_the_same_text():
    from onecurve.scripts.page.downloads import Downloads

    made = [Downloads(), Downloads()]
    for one in made:
        one.add_table("t", [{"a": 0.1, "b": None}, {"a": 1 / 3, "b": "x"}])
    assert made[0].files == made[1].files
    text = gzip.decompress(base64.b64decode(made[0].files["t.csv"]["data"])).decode()
    assert text == f"a,b\n0.1,\n{1 / 3!r},x\n"


def test_a_folder_gives_its_own_page_with_the_reasons_of_its_failures(tmp_path, kept, onecurve):
    from onecurve.results.store import Store

    shutil.copytree(kept(), tmp_path / "run")
    store = Store(tmp_path / "run")
    row = {**store.rows_of(store.shards()[0])[0], "trial_id": "f" * 16, "seed": 99, "status": "oom"}
    store.write_rows([row | {"reason": "asked for <9> bytes"}], "0" * 16)
    (tmp_path / "run" / "trials" / "half.parquet").write_bytes(b"PAR1 and then nothing")
    done = onecurve("report", "run", "--ask", "where", "--of", "loss", "--of", "gradient-norm")
    assert done.returncode == 2 and "gradient-norm" in done.stderr
    done = onecurve("report", "run", "--ask", "where")
    assert done.returncode == 0 and "run/report.html" in done.stdout, done.stderr
    assert "half.parquet" in done.stderr
    seen = "".join(Seen((tmp_path / "run" / "report.html").read_text()).said)
    assert "asked for <9> bytes" in seen and "half.parquet" in seen and "PyTorch" in seen


@pytest.mark.parametrize("given", ["empty", "nothing", "later.parquet", "half.parquet", "question"])
def test_bad_input_is_one_sentence(given, tmp_path, onecurve):
    (tmp_path / "empty").mkdir()
    table = pq.read_table(DEMO)
    at = table.schema.get_field_index("schema_version")
    later = table.set_column(at, "schema_version", pa.array([99] * len(table), pa.int64()))
    pq.write_table(later, tmp_path / "later.parquet")
    (tmp_path / "half.parquet").write_bytes(DEMO.read_bytes()[:1000])
    words = {"question": [DEMO, "--ask", "lows"]}.get(given, [given])
    done = onecurve("report", *words, "--to", "page.html")
    said = {
        "empty": "holds no results",
        "nothing": "is not there",
        "later.parquet": "has version 99 of the result table",
        "half.parquet": "not a readable Parquet file",
        "question": "Did you mean 'laws'",
    }
    assert done.returncode == 2 and said[given] in done.stderr and not (tmp_path / "page.html").exists()
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_the_published_run_is_below_ten_megabytes(tmp_path, onecurve):
    done = onecurve("report", DEMO, "--to", "demo.html")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo.html").stat().st_size < 10e6
