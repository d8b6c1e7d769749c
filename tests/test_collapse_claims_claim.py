"""A claim file: what it must say, and what is said of one that cannot be used."""

import pytest
import yaml
from onecurve.collapse.claims.claim import claim_names, load_claim, load_claims
from onecurve.errors import InputError

GIVEN = {
    "name": "mine",
    "statement": "The loss falls as the -1/2 power of time.",
    "citation": "Nobody 2026",
    "evidence": "empirical law",
    "observable": "loss",
    "estimate": {"name": "time-exponent"},
    "predicts": 0.5,
    "margin": 0.05,
    "regime": {"words": "late", "where": {"curvature": [-0.1, 0.1]}},
    "fails_if": "it falls otherwise",
    "truth": {"name": "power-of-time"},
    "counter": {"name": "power-of-time", "exponent": 1.0},
    "setting": {"groups": []},
}


@pytest.fixture
def written(tmp_path):
    def write(**changes):
        said = {key: value for key, value in {**GIVEN, **changes}.items() if value is not None}
        path = tmp_path / f"{said.get('name', 'nameless')}.yaml"
        path.write_text(yaml.safe_dump(said))
        return str(path)

    return write


def test_a_claim_of_a_file(written):
    claim = load_claim(written())
    assert (claim.name, claim.predicts, claim.estimator.name) == ("mine", 0.5, "time-exponent")
    assert len(claim.digest) == 64 and claim.digest != load_claim(written(margin=0.1)).digest


@pytest.mark.parametrize("part", ["predicts", "regime", "truth", "counter", "margin", "fails_if"])
def test_a_claim_without_a_part_is_refused_in_one_sentence(written, part):
    with pytest.raises(InputError, match=f"the claim has no '{part}'") as refused:
        load_claim(written(**{part: None}))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"estimate": {"name": "time-exponnent"}}, "Did you mean 'time-exponent'"),
        ({"estimate": {"name": "time-exponent", "begin": 0.1}}, "unknown parameter of the estimator"),
        ({"estimate": {"start": 0.1}}, "estimate is written"),
        ({"truth": {"name": "power"}}, "unknown truth 'power'"),
        ({"regime": {"words": "late", "where": {"curvatur": [0, 1]}}}, "Did you mean 'curvature'"),
        ({"regime": {"words": "late", "where": {}}}, "regime.where"),
        ({"evidence": "empirical"}, "unknown kind of evidence 'empirical'. Did you mean 'empirical law'"),
        ({"margin": 0}, "margin"),
        ({"predicts": float("nan")}, "predicts"),
        ({"prediction": 3}, "Did you mean 'predicts'"),
        ({"name": "one-third-law"}, "comes with Onecurve"),
    ],
)
def test_what_cannot_be_used_is_said(written, changes, said):
    with pytest.raises(InputError, match=said):
        load_claim(written(**changes))


def test_names_are_found_and_are_not_given_twice(written, tmp_path):
    with pytest.raises(InputError, match="Did you mean 'one-third-law'"):
        load_claim("one-third-laws")
    with pytest.raises(InputError, match="cannot be read"):
        load_claim(str(tmp_path / "absent.yaml"))
    with pytest.raises(InputError, match="two claims are named 'mine'"):
        load_claims([written(), written()])
    assert [claim.name for claim in load_claims([])] == claim_names()
