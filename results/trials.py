"""A trial's identity: the hash of everything that decides its learning curve, and nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from ..task import Ref

TrialStatus = Literal["ok", "diverged", "oom", "timeout", "killed", "error"]
STATUSES: tuple[TrialStatus, ...] = ("ok", "diverged", "oom", "timeout", "killed", "error")

# Fields added after the first release, with the value that every older trial had. They stay out of the hash while
# they have that value, so an old store keeps its names.
INTRODUCED: dict[str, Any] = {"batch_rule": "", "train_size": None, "accumulate": 1, "warmup_rule": ""}

# What a ladder derives, or what repeats a trial: curves that differ in these alone are compared with each other.
NOT_IN_RECIPE = ("rung", "seed", "horizon_steps", "packed", "accumulate")


def derived_by(batch_rule: str | None, warmup_rule: str | None) -> tuple[str, ...]:
    """Fields that a ladder derives, under its rules for the batch and the warmup; empty where there is none."""
    batch, warmup = ("batch_size",) if batch_rule else (), ("warmup_fraction",) if warmup_rule else ()
    return (*NOT_IN_RECIPE, *batch, *warmup)


class _Named:
    """Room for a name that is known already: hashing it again is what a large sweep would spend its time on."""

    __slots__ = ("_known_id",)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TrialSpec(_Named):
    """Everything that decides a learning curve.

    Attributes
    ----------
    family, dataset, optimizer, parametrization : references with version and parameters.
    rung : the family's knobs, such as ``{"width": 48}``.
    peak_lr : largest learning rate, at the family's base rung.
    schedule : ``linear``, ``cosine``, ``constant``, or another with its parameters, such as ``cosine(to=0.1)``.
    warmup_fraction : share of the horizon in which the rate rises linearly.
    batch_size : examples an update.
    batch_rule : the rule that gave the batch size, in words, where it grows with the ladder; empty where it is fixed.
        Rungs under a rule share a recipe although their batch sizes differ.
    train_size : the trial trains on the first so many examples of its seed, over and over; None where it takes new ones
        as long as there are any.
    horizon_rule : the rule that gave the horizon, in words; a ladder with another rule is another recipe.
    horizon_steps : updates, t*.
    eval_grid : name of the rule for the evaluation points.
    precision : ``float32``, ``float64``, ``tf32`` or ``bf16``.
    packed : whether it trains inside a batched model; packed and looped arithmetic round differently.
    seed : randomises initialisation and data.
    protocol : version of the trainer's semantics.
    warmup_rule : the rule that gave the warmup, in words, where it is no share of the horizon; empty where it is. Rungs
        under a rule share a recipe although their warmup fractions differ.
    accumulate : into how many parts a batch is cut, whose gradients are averaged; another rounding, no other recipe.
    """

    family: Ref
    rung: Mapping[str, int]
    dataset: Ref
    optimizer: Ref
    peak_lr: float
    schedule: str
    warmup_fraction: float
    batch_size: int
    parametrization: Ref
    horizon_rule: str
    horizon_steps: int
    eval_grid: str
    precision: str
    packed: bool
    seed: int
    protocol: str
    batch_rule: str = ""
    train_size: int | None = None
    accumulate: int = 1
    warmup_rule: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.rung, MappingProxyType):  # one that was made from another's shares it
            object.__setattr__(self, "rung", MappingProxyType({k: int(v) for k, v in self.rung.items()}))
        object.__setattr__(self, "peak_lr", float(self.peak_lr))
        object.__setattr__(self, "warmup_fraction", float(self.warmup_fraction))

    def __reduce__(self) -> tuple[Any, ...]:  # a mapping proxy does not pickle
        return (spec_from_dict, (self.to_dict(),))

    def to_dict(self) -> dict[str, Any]:
        """As plain types, for JSON."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    @property
    def trial_id(self) -> str:
        """16 hex digits of the sha256 over the canonical JSON of all fields."""
        try:
            return self._known_id
        except AttributeError:
            object.__setattr__(self, "_known_id", fingerprint(_hashed(self)))
            return self._known_id

    @property
    def recipe(self) -> str:
        """8 hex digits that curves of one ladder share."""
        derived = derived_by(self.batch_rule, self.warmup_rule)
        fields = {k: v for k, v in self.to_dict().items() if k not in derived and k not in INTRODUCED}
        later = {k: v for k, v in self.to_dict().items() if k in INTRODUCED and v != INTRODUCED[k]}
        fields |= {k: v for k, v in later.items() if k not in derived}
        return fingerprint(fields)[:8]

    @property
    def recipe_label(self) -> str:
        """The recipe in words."""
        parametrization = {"mup": "muP", "standard": "standard"}.get(
            self.parametrization.name, self.parametrization.name
        )
        return (
            f"{_optimizer_label(self.optimizer)} {self.peak_lr:g}, {self.schedule}, {parametrization}, "
            f"batch {self.batch_rule or self.batch_size}, horizon {self.horizon_rule}"
            + (f", warmup {self.warmup_rule}" if self.warmup_rule else "")
            + (f", on {self.train_size} examples" if self.train_size is not None else "")
            + (f", {self.precision}" if self.precision in ("tf32", "bf16") else "")
        )


def _optimizer_label(ref: Ref) -> str:
    """The name, with the parameters where it is none of the two that every table has."""
    if not ref.params or ref.name == "adam" and set(ref.params) == {"beta1", "beta2", "eps"}:
        return ref.name
    return f"{ref.name}({', '.join(f'{name}={value}' for name, value in sorted(ref.params.items()))})"


def _hashed(spec: TrialSpec) -> dict[str, Any]:
    return {k: v for k, v in spec.to_dict().items() if k not in INTRODUCED or v != INTRODUCED[k]}


def with_seeds(spec: TrialSpec, seeds: Sequence[int]) -> list[TrialSpec]:
    """The trial with each of the seeds. Their names are found together: a seed is one number in what is hashed."""
    fields = _hashed(spec)
    before = _canonical({name: value for name, value in fields.items() if name < "seed"})[:-1]
    after = _canonical({name: value for name, value in fields.items() if name > "seed"})[1:]
    found = []
    for seed in seeds:
        each = dataclasses.replace(spec, seed=seed)
        object.__setattr__(each, "_known_id", _digest(f'{before},"seed":{int(seed)},{after}'))
        found.append(each)
    return found


def spec_from_dict(fields: Mapping[str, Any]) -> TrialSpec:
    """The inverse of `TrialSpec.to_dict`."""
    values = dict(INTRODUCED) | dict(fields)
    for name in ("family", "dataset", "optimizer", "parametrization"):
        values[name] = Ref(**values[name])
    return TrialSpec(**values)


def fingerprint(value: Any) -> str:
    """16 hex digits of the sha256 over canonical JSON: sorted keys, no spaces, floats by their shortest exact form."""
    return _digest(_canonical(value))


def _canonical(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rung_label(rung: Mapping[str, int]) -> str:
    """A rung in words: ``width 48``."""
    return ", ".join(f"{name} {value}" for name, value in rung.items())


def _plain(value: Any) -> Any:
    if isinstance(value, Ref):
        return _plain(value.to_dict())
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value == 0.0:
        return 0.0  # -0.0 is written differently and means the same
    return value
