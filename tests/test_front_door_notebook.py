"""The public interface in a notebook: one call gives the command line's numbers, and results show themselves."""

from __future__ import annotations

import io
import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import onecurve as oc
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hostile_report import DATASETS, FAMILIES, write_curves
from onecurve.collapse.contract import to_json, to_table
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


class Seen(HTMLParser):
    """What HTML holds: its elements with their attributes, and the cells of its tables' rows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The published curves of the control that holds, and of one family as if its irreducible loss were not known."""
    path = tmp_path_factory.mktemp("front") / "some.parquet"
    wanted = (pc.field("control") == "holds") | (pc.field("family") == "resmlp")
    rows = pq.read_table(ROOT / "results/reference/quick.parquet", filters=wanted)
    unknown = {"irreducible_loss": None, "irreducible_loss_se": None, "irreducible_loss_source": "none"}
    told = [row | unknown if row["family"] == "resmlp" else row for row in rows.to_pylist()]
    pq.write_table(pa.Table.from_pylist(told, schema=rows.schema), path)
    return path


@pytest.fixture(scope="module")
def found(table):
    return oc.analyze(oc.read(table))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return oc.read(write_curves(tmp_path_factory.mktemp("hostile") / "curves.csv"))


def test_without_a_generator_the_numbers_are_those_of_the_command_line(table, found, onecurve):
    printed = json.loads(onecurve("analyze", table, "--json", "-").stdout)["groups"]
    assert len(printed) == 2
    for mine, theirs in zip(to_json(found)["groups"], printed, strict=True):
        assert mine == {key: theirs[key] for key in mine}
    other = oc.analyze(oc.read([table]), rng=np.random.default_rng(7))
    assert [one.unrelated_deviation for one in other.groups] != [one.unrelated_deviation for one in found.groups]
    assert to_json(oc.inquire(oc.read(table), []).analysis) == to_json(found)


def test_the_table_of_verdicts_has_point_interval_and_status(found):
    heads, holds, shown = Seen(found._repr_html_()).rows
    control, network = sorted(found.groups, key=lambda group: group.control is None)
    at = heads.index
    assert holds[at("family")] == "linear (control: holds)" and holds[at("sizes x seeds")] == "7 x 16"
    assert float(holds[at("deviation")].rstrip(" %")) == pytest.approx(100 * control.deviation, rel=0.05)
    bounds = [float(end.rstrip(" %")) for end in shown[at("95 % bounds")].split(" to ")]
    assert bounds == pytest.approx([100 * network.lower_bound, 100 * network.upper_bound], rel=0.05)
    assert (holds[at("verdict")], shown[at("verdict")]) == ("collapse", "cannot-tell")
    assert (holds[at("irreducible loss")], shown[at("irreducible loss")]) == ("0, known", "not known")
    assert shown[at("deviation")].endswith("*") and not holds[at("deviation")].endswith("*")


def test_one_group_and_all_answers_show_themselves(table, found):
    (_, row) = Seen(found.groups[0]._repr_html_()).rows
    assert row[0].startswith(found.groups[0].family)
    asked = Seen(oc.inquire(oc.read(table), ["detectable"])._repr_html_())
    assert [tag for tag, _ in asked.elements].count("details") == 2 and len(asked.rows) == 3


def test_what_is_missing_is_said_and_no_number(tmp_path):
    x = np.geomspace(0.1, 1.0, 24)
    of = {"family": "f", "dataset": "d", "recipe": "r", "x": x}
    runs = [oc.LearningCurve(size=size, seed=seed, loss=1 / x, **of) for size in (1.0, 2.0) for seed in (0, 1)]
    found = oc.analyze(oc.CurveSet.of(runs))
    heads, row = Seen(found._repr_html_()).rows
    assert row[heads.index("verdict")] == "cannot-tell" and row[heads.index("95 % bounds")] == "none"
    frame = found.to_pandas()
    assert frame["upper_bound"].isna().all() and frame["reason"].notna().all()


def test_names_of_markup_stay_text(hostile):
    found = oc.inquire(hostile, ["across"])
    for html in (hostile._repr_html_(), found._repr_html_(), found.analysis.groups[0]._repr_html_()):
        seen = Seen(html)
        ours = {"div", "style", "table", "caption", "thead", "tbody", "tr", "th", "td", "span", "p"}
        assert {tag for tag, _ in seen.elements} <= ours | {"details", "summary", "ul", "li"}
        assert all(set(attributes) <= {"class", "scope"} for _, attributes in seen.elements)
    names = {tuple(row[:2]) for row in Seen(hostile._repr_html_()).rows[1:]}
    assert names == {(family, dataset) for family in FAMILIES for dataset in DATASETS}


def test_a_look_at_curves_says_what_they_are(table):
    curves = oc.read(table)
    assert repr(curves) == "CurveSet(152 curves of the test loss in 2 groups)"
    heads, *rows = Seen(curves._repr_html_()).rows
    assert sorted((row[0], row[heads.index("sizes")], row[heads.index("curves")]) for row in rows) == [
        ("linear", "7", "112"),
        ("resmlp", "5", "40"),
    ]
    assert len(repr(oc.analyze(curves))) < 200


def test_a_figure_shows_itself_and_is_saved_by_its_ending(found, tmp_path):
    drawn = found.plot("deviations")
    picture, size = drawn._repr_png_()
    wide, high = Image.open(io.BytesIO(picture)).size
    assert wide == pytest.approx(2 * size["width"], abs=2) and high == pytest.approx(2 * size["height"], abs=2)
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "csv": b"panel,"}
    for kind, start in starts.items():
        assert drawn.save(tmp_path / f"mine.{kind}").read_bytes().startswith(start)
    with pytest.raises(oc.InputError, match=r"unknown ending.*'\.jpg'.*Did you mean '\.png'"):
        drawn.save(tmp_path / "mine.jpg")
    with pytest.raises(oc.InputError, match="cannot be written"):
        drawn.save(tmp_path / "nowhere" / "mine.png")


def test_a_figure_that_is_not_there_is_named(found):
    with pytest.raises(oc.InputError, match="Did you mean 'dataset-fourier'"):
        found.plot("dataset-furier")


def test_pandas_has_the_same_rows_and_its_absence_is_said(found, monkeypatch):
    frame = found.to_pandas()
    rows = to_table(found)
    assert list(frame.columns) == list(rows[0]) and len(frame) == len(rows)
    assert frame["upper_bound"].tolist() == [row["upper_bound"] for row in rows]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(oc.InputError, match=r"onecurve\[notebook\]"):
        found.to_pandas()


def test_a_sweep_may_be_said_in_python(tmp_path):
    group = {"families": ["mlp"], "datasets": {"name": "fourier", "inputs": 2}, "rungs": [8, 12, 16], "seeds": 2}
    group |= {"peak_lr": 0.01, "batch_size": 16, "horizon": {"rule": "steps", "steps": 10}}
    said = {"name": "said", "groups": [group]}
    (tmp_path / "said.yaml").write_text(json.dumps(said))
    sweep = oc.load_sweep(said, ["seeds=3"])
    assert sweep == oc.load_sweep(str(tmp_path / "said.yaml"), ["seeds=3"]) and sweep.groups[0].seeds == 3
    with pytest.raises(oc.InputError, match="Did you mean 'seeds'"):
        oc.load_sweep({"name": "said", "groups": [{**group, "seed": 2}]})
    with pytest.raises(oc.InputError, match="load_sweep"):
        oc.run(sweep, str(tmp_path / "run"), changes=["seeds=4"], address="in-process")


NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_the_notebook_is_stored_without_outputs():
    code = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert code and all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_the_notebook_runs_from_published_tables_to_a_claim(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = [kind for output in shown for kind in output.get("data", {})]
    assert kinds.count("image/png") == 3
    tables = [Seen(output["data"]["text/html"]) for output in shown if "text/html" in output.get("data", {})]
    assert [len(one.rows) - 1 for one in tables] == [5, 5, 5, 4]  # curves, verdicts, data frame, on one data set
    assert "(16, 0)" in [output.get("data", {}).get("text/plain") for output in shown]  # all trained, none failed
    said = shown[-1]["text"].splitlines()
    name = "my_net.py:MyNet"
    curves = oc.read([ROOT / "results/reference/quick.parquet", tmp_path / "runs" / "mine"])
    on_fourier = oc.CurveSet.of((curve for curve in curves if curve.dataset == "fourier"), curves.margin)
    (mine,) = [group for group in oc.analyze(on_fourier).groups if group.family == name]
    assert said[0] == f"within the family: {mine.verdict}, exploratory"
    assert said[1].endswith(f"{mine.lower_bound:.1%} to {mine.upper_bound:.1%}") and said[3].startswith("against")
