"""A claim: a file of a few lines that says what is predicted, where, within which margin, and how it could fail."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...errors import InputError, unknown
from .estimators.estimator import ALWAYS, ESTIMATORS, Estimator
from .truths.truth import TRUTHS, ExactSystem

Evidence = Literal["solvable setting", "limit", "empirical law", "hyperparameter theory", "universal phenomenon"]
Words = Annotated[str, Field(min_length=1)]
Range = Annotated[tuple[float | None, float | None], Field(description="smallest and largest, null where open")]
_STATED = resources.files(f"{__package__}.stated")


class Regime(BaseModel):
    """Where a claim is meant to hold: in words, and as ranges of what the estimator and the runs say of themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: Words
    where: dict[str, Range] = Field(min_length=1)


class Claim(BaseModel):
    """A claim file, checked.

    Attributes
    ----------
    name, statement, citation : what is claimed, and by whom.
    evidence : which of the five kinds of evidence it belongs to.
    observable : what is measured, as ``record`` in a sweep or a column of the table has it.
    estimate : the estimator, which makes one number of a family's runs on a data set, and its parameters.
    predicts, margin : the predicted number, and how far from it still counts as it.
    regime : where the claim is meant to hold.
    fails_if : what would refute it, in words.
    truth : a system of which the claim is exactly true; it must hold there before it may judge a network.
    counter : a system of which it is false; it must fail there.
    setting : a sweep without a name, which the claim is tested on.
    digest : sha256 of the file, of which reports show the first digits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    statement: Words
    citation: Words
    evidence: Evidence
    observable: Words
    estimate: dict[str, Any]
    predicts: Annotated[float, Field(allow_inf_nan=False)]
    margin: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    regime: Regime
    fails_if: Words
    truth: dict[str, Any]
    counter: dict[str, Any]
    setting: dict[str, Any]
    digest: str = ""

    @model_validator(mode="after")
    def _known(self) -> Claim:
        facts = (*ALWAYS, *self.estimator.facts)
        for name in self.regime.where:
            if name not in facts:
                raise unknown(f"quantity in the regime of {self.name!r}:", name, facts)
        _ = self.true_system, self.false_system
        return self

    @property
    def estimator(self) -> Estimator:
        """What makes the number."""
        return _entry(ESTIMATORS, self.estimate, "estimate")

    @property
    def true_system(self) -> ExactSystem:
        """A system of which the claim is exactly true."""
        return _entry(TRUTHS, self.truth, "truth")

    @property
    def false_system(self) -> ExactSystem:
        """A system of which it is false."""
        return _entry(TRUTHS, self.counter, "counter")


def claim_names() -> list[str]:
    """Names of the claims that come with Onecurve."""
    return sorted(path.name.removesuffix(".yaml") for path in _STATED.iterdir() if path.name.endswith(".yaml"))


def load_claim(source: str) -> Claim:
    """The claim of a file, or the one of that name.

    Raises
    ------
    InputError
        A file that cannot be read; a claim without a prediction, a regime or another part; an unknown estimator, truth
        or quantity; a file whose claim has the name of another one that comes with Onecurve.
    """
    known = claim_names()
    if source in known:
        return _checked(_STATED.joinpath(f"{source}.yaml").read_text(), source)
    if not source.endswith((".yaml", ".yml")):
        raise unknown("claim", source, known)
    try:
        text = Path(source).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the claim {source!r} cannot be read: {error}") from None
    claim = _checked(text, source)
    if claim.name in known and text != _STATED.joinpath(f"{claim.name}.yaml").read_text():
        raise InputError(f"{source}: a claim named {claim.name!r} comes with Onecurve; give yours another name")
    return claim


def load_claims(sources: list[str]) -> list[Claim]:
    """Claims by name or file, all that come with Onecurve where none is given; no name may be given to two.

    Raises
    ------
    InputError
        As `load_claim`; two claims of one name.
    """
    claims = [load_claim(source) for source in (sources or claim_names())]
    for place, claim in enumerate(claims):
        if claim.name in [other.name for other in claims[:place]]:
            raise InputError(f"two claims are named {claim.name!r}")
    return claims


def _checked(text: str, source: str) -> Claim:
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{source} is not plain YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{source}: a claim is a mapping with the keys {', '.join(_KEYS)}")
    for key in raw:
        if key not in _KEYS:
            raise unknown(f"key in {source}:", key, _KEYS)
    try:
        return Claim.model_validate({**raw, "digest": hashlib.sha256(text.encode()).hexdigest()})
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    except ValidationError as error:
        raise _explained(error, source) from None


_KEYS = [name for name in Claim.model_fields if name != "digest"]


def _explained(error: ValidationError, source: str) -> InputError:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    context = first.get("ctx", {}).get("error")
    if isinstance(context, InputError):  # pydantic wraps what a validator raises
        return InputError(f"{source}: {context}")
    if first["type"] == "missing":
        return InputError(f"{source}: the claim has no {place!r}, without which nothing could refute it or be tested")
    if place == "evidence":
        return InputError(f"{source}: {unknown('kind of evidence', first['input'], get_args(Evidence))}")
    return InputError(f"{source}, {place}: {first['msg']}, got {str(first['input'])[:80]!r}")


def _entry(catalogue: Any, given: dict[str, Any], what: str) -> Any:
    if "name" not in given:
        raise InputError(f"{what} is written {{name: ..., parameter: value}}, got {given}")
    return catalogue.make(str(given["name"]), {key: value for key, value in given.items() if key != "name"})
