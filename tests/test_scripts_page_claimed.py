"""Claims on the report page: all verdicts and numbers of the records, and a page without curves."""

from __future__ import annotations

import csv
import gc
import io
import shutil

import pytest
from hostile_report import FOUND, write_claims
from test_scripts_page import Seen, packed


@pytest.fixture
def claims(tmp_path):
    return write_claims(tmp_path / "claims")


def test_a_folder_of_claims_has_a_page_with_their_numbers(claims, onecurve, tmp_path):
    before = gc.get_threshold()
    done = onecurve("report", "claims")
    assert done.returncode == 0, done.stderr
    assert gc.get_threshold() == before
    text = (claims / "report.html").read_text()
    files, seen = packed(text), Seen(text)
    rows = {row["family"]: row for row in csv.DictReader(io.StringIO(files["constants.csv"].decode()))}
    assert set(rows) == set(FOUND)
    for family, found in FOUND.items():
        value = "" if found is None else found[0]
        assert rows[family]["value"] == str(value) and rows[family]["predicted"] == "0.5"
    verdicts = [rows[family]["verdict"] for family in FOUND]
    assert verdicts == ["holds", "fails", "fails", "cannot tell", "cannot tell"]
    points = list(csv.DictReader(io.StringIO(files["claims.csv"].decode())))
    assert {row["family"]: row["y"] for row in points} == {f: str(v[0]) for f, v in FOUND.items() if v}
    assert {"claims.svg", "claims.pdf", "constants.parquet"} < set(files)
    said = " ".join(" ".join(seen.said).split())
    assert "2 claims, 5 verdicts: 1 holds, 2 fails, 2 cannot tell, 0 out of regime" in said
    assert "It judges no network" in said and "Its file was changed after its data" in said
    assert "no seed <b>ended</b> well" in said and "It grows <i>like</i> a root." in said
    assert not {tag for tag, _ in seen.elements} & {"img", "b"}


def test_a_page_of_curves_has_the_claims_that_lie_beside_them(claims, kept, onecurve, tmp_path):
    shutil.copytree(kept(), tmp_path / "run")
    shutil.copytree(claims / "half-power", tmp_path / "run" / "half-power")
    assert onecurve("report", "run", "--ask", "where").returncode == 0
    text = (tmp_path / "run" / "report.html").read_text()
    ids = {attributes.get("id") for _, attributes in Seen(text).elements}
    assert {"claims", "claim-half-power", "c0-verdicts"} <= ids and "claim-never" not in ids
    assert {"constants.csv", "verdicts.csv"} < set(packed(text))


@pytest.mark.parametrize(("words", "message"), [
    (("report", "claims", "--of", "error"), "--of asks about curves"),
    (("report", "claims", "--irreducible-loss", "fit"), "--irreducible-loss asks about curves"),
    (("report", "cut"), "is no record of a claim"),
])  # fmt: skip
def test_what_claims_cannot_answer_is_said(claims, onecurve, words, message, tmp_path):
    shutil.copytree(claims, tmp_path / "cut")
    cut = tmp_path / "cut" / "never" / "claim.json"
    cut.write_text(cut.read_text()[:200])
    done = onecurve(*words)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
