"""The sweep file: which families, data sets, rungs, hyperparameters and seeds; its checks and its expansion."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from ..errors import InputError, unknown
from ..results.levels import MARGIN
from ..results.trials import fingerprint, rung_label
from .batch import BatchSize, TrainSize
from .choices import check_device
from .horizon import HorizonRule
from .tuned_rate import TunedRate, in_full

_SWEEPS = resources.files(f"{__package__}.sweeps")
Named = str | dict[str, Any]  # a name, or {name: ..., parameter: value}
# Settings that came later: a request that leaves them as they are keeps the fingerprint that it had before.
_LATER = ("accumulate", "device", "record", "tuned", "warmup_updates")


def _numbers(said: str, allowed: Callable[[float], bool], or_tuned: bool = False) -> BeforeValidator:
    """One message for a number, or a list of numbers, of which one is not allowed; a union would give one for each.

    ``or_tuned`` allows a rate that a pilot is to find.
    """

    def check(value: Any) -> Any:
        value = in_full(value) if or_tuned else value
        if or_tuned and isinstance(value, dict | TunedRate):
            return _tuned(value)
        for number in _listed(value):
            if isinstance(number, bool) or not isinstance(number, int | float) or not allowed(number):
                raise PydanticCustomError("numbers", "{said}, or a list of such numbers", {"said": said})
        if value == []:
            raise PydanticCustomError("numbers", "the list is empty; {said}", {"said": said})
        return value

    return BeforeValidator(check)


def _tuned(value: Any) -> TunedRate:
    """A rate that is asked for; one message where it is asked for in a wrong way."""
    try:
        return TunedRate.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        said = f"{'.'.join(map(str, first['loc'])) or 'tuned'}: {first['msg']}"
        keys = ", ".join(TunedRate.model_fields)
        raise PydanticCustomError("tuned", "{said}; a tuned rate has {keys}", {"said": said, "keys": keys}) from None


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class Resources(BaseModel):
    """What a pack of a group takes of a node, as a number or as one for each rung; memory is measured.

    No part of a trial's identity. A pack that trains on a GPU takes one, whether or not that is said here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpus: Annotated[float | list[float], _numbers("a number greater than 0", lambda n: 0 < n < math.inf)] = 1.0
    gpus: Annotated[
        float | list[float],
        _numbers("a pack trains on one GPU or on a share of it: a number from 0 to 1", lambda n: 0 <= n <= 1),
    ] = 0.0

    def at(self, place: int, rungs: int) -> tuple[float, float]:
        """Processors and graphics processors of a pack at a place of a ladder.

        Raises
        ------
        InputError
            A list with another length than the ladder.
        """
        for name, given in (("cpus", self.cpus), ("gpus", self.gpus)):
            if isinstance(given, list) and len(given) != rungs:
                raise InputError(f"resources: {name} has {len(given)} numbers for {rungs} rungs; give one each")
        cpus, gpus = (given[place] if isinstance(given, list) else given for given in (self.cpus, self.gpus))
        return cpus, gpus


class GroupSettings(BaseModel):
    """What a group of trials shares. Every field may also stand under ``defaults``, and is what ``--set`` changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rungs: Literal["all"] | Annotated[int, Field(ge=1)] | list[int | dict[str, int]] = "all"
    seeds: Annotated[int, Field(ge=1)] | list[int] = 3
    optimizer: Named = "adam"
    peak_lr: Annotated[
        TunedRate | float | list[float],
        _numbers("a learning rate is greater than 0 and at most 1e6, or tuned", lambda n: 0 < n <= 1e6, or_tuned=True),
    ] = 0.003
    tuned: Literal["yes", "mis-scaled", "unknown"] = "unknown"
    schedule: Named = "linear"
    warmup_fraction: float = Field(default=0.01, ge=0, lt=0.5)
    warmup_updates: int | None = Field(default=None, ge=1)  # takes the place of the fraction
    batch_size: BatchSize = 64
    train_size: TrainSize = None
    parametrization: Literal["mup", "standard"] = "mup"
    horizon: HorizonRule
    horizon_source: Literal["exact", "pilot", "assumed"] = "assumed"
    precision: Literal["float32", "float64", "tf32", "bf16"] = "float32"
    accumulate: int = Field(default=1, ge=1)
    device: Annotated[str, AfterValidator(check_device)] | None = None
    record: list[Named] = []
    pack: Literal["auto"] | bool = "auto"
    control: Literal["holds", "fails"] | None = None
    views: bool = False
    resources: Resources = Resources()

    @property
    def seed_list(self) -> list[int]:
        """The seeds themselves."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(dict.fromkeys(self.seeds))

    @property
    def observables(self) -> list[Named]:
        """What is recorded beside the loss; ``views`` is what a data set has of parts."""
        return [*self.record, *(["views"] if self.views and "views" not in self.record else [])]

    def alone(self) -> list[Self]:
        """These settings for each learning rate and each size of the training set alone."""
        rates, sizes = dict.fromkeys(_listed(self.peak_lr)), dict.fromkeys(_listed(self.train_size))
        both = itertools.product(rates, sizes)
        return [self.model_copy(update={"peak_lr": rate, "train_size": size}) for rate, size in both]


class Group(GroupSettings):
    """Families on data sets under one set of hyperparameters."""

    families: list[Named] = Field(min_length=1)
    datasets: list[Named] = Field(min_length=1)


class Sweep(BaseModel):
    """A sweep file, checked.

    Attributes
    ----------
    name : names the lock and the default results folder.
    margin : largest deviation that still counts as a collapse, chosen before the data.
    groups : what to train.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    margin: float = Field(default=MARGIN, gt=0, lt=1)
    groups: list[Group] = Field(min_length=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One rung of one family on one data set: its seeds differ in nothing else.

    ``first_rung`` anchors the horizon rule; ``last_rung`` ends the ladder, which trains on one kind of device;
    ``family`` and ``dataset`` are ``(name, parameters)``; ``takes`` are the processors and GPUs of one of its packs.
    """

    family: tuple[str, dict[str, Any]]
    dataset: tuple[str, dict[str, Any]]
    rung: dict[str, int]
    first_rung: dict[str, int]
    settings: GroupSettings
    last_rung: dict[str, int] = dataclasses.field(default_factory=dict)
    takes: tuple[float, float] = (1, 0)


def load_sweep(source: str | Mapping[str, Any], overrides: Sequence[str] = ()) -> Sweep:
    """Read a sweep file, or the built-in sweep of that name, or what such a file would hold.

    Parameters
    ----------
    source : path of a YAML file, a name that ``onecurve list sweeps`` has, or a mapping with the keys of a file.
    overrides : ``key=value`` pairs that replace a setting in every group.

    Raises
    ------
    InputError
        An unreadable file, an unknown key, a value that is not allowed.
    """
    if isinstance(source, Mapping):
        return sweep_of(source, "the sweep", overrides)
    return sweep_of(_parse(_text(source), source), source, overrides)


def sweep_of(raw: Any, source: str, overrides: Sequence[str] = ()) -> Sweep:
    """A sweep from what its file holds; ``source`` is what messages call it. For the rest see `load_sweep`."""
    if not isinstance(raw, Mapping):
        raise InputError(f"{source}: a sweep file is a mapping with the keys {', '.join(Sweep.model_fields)}, defaults")
    raw = dict(raw)
    defaults = raw.pop("defaults", None) or {}
    changes = dict(_override(pair) for pair in overrides)
    if not isinstance(defaults, dict):
        raise InputError(f"{source}: defaults is a mapping of settings, got {type(defaults).__name__}")
    for where, keys in (("defaults", defaults), ("--set", changes)):
        for key in keys:
            if key not in Group.model_fields:
                raise unknown(f"key in {where}:", key, Group.model_fields)
    if isinstance(raw.get("groups"), list):
        raw["groups"] = [
            _normalised({**defaults, **group, **changes}) if isinstance(group, dict) else group
            for group in raw["groups"]
        ]
    try:
        return Sweep.model_validate(raw)
    except ValidationError as error:
        raise _explain(error, source) from None


def request(sweep: Sweep, only: Mapping[str, str] | None = None) -> str:
    """Fingerprint of a sweep and its restriction: equal requests expand to equal trials."""
    whole = sweep.model_dump(mode="json")
    for group in whole["groups"]:
        for name in _LATER:
            if group[name] == GroupSettings.model_fields[name].default:
                del group[name]
    return fingerprint({"sweep": whole, "only": dict(only or {})})


def sweep_names() -> list[str]:
    """Names of the built-in sweeps."""
    return sorted(p.name.removesuffix(".yaml") for p in _SWEEPS.iterdir() if p.name.endswith(".yaml"))


def expand(sweep: Sweep, only: Mapping[str, str] | None = None) -> list[Cell]:
    """All cells of a sweep, checked against the catalogues.

    Parameters
    ----------
    sweep : the sweep.
    only : restrict to ``family``, ``dataset`` or ``control`` with that value.

    Raises
    ------
    InputError
        An unknown family or data set, a rung that the family does not have, a family that does not fit a data set.
    """
    cells = [cell for group in sweep.groups for cell in _expand_group(group)]
    for key, value in (only or {}).items():
        names = {
            "family": lambda c: c.family[0],
            "dataset": lambda c: c.dataset[0],
            "control": lambda c: str(c.settings.control),
        }
        if key not in names:
            raise unknown("key in --only:", key, names)
        there = {names[key](cell) for cell in cells}
        if key == "family" and ".py:" in value:
            value = value.rpartition("/")[2]  # the family of a file is called without its folder
        if value not in there:
            raise unknown(f"{key} in this sweep:", value, there)
        cells = [cell for cell in cells if names[key](cell) == value]
    return cells


def _expand_group(group: Group) -> list[Cell]:
    from ..architectures.family import FAMILIES
    from ..datasets.dataset import DATASETS
    from .naming import check_fit, pinned
    from .observables.observable import check_record, observable_from
    from .optimisers.optimiser import optimiser_from
    from .schedules.schedule import schedule_from

    for read, given in ((optimiser_from, group.optimizer), (schedule_from, group.schedule)):
        read(given)  # refuses what it does not know
    cells = []
    for family_name, family_params in map(named, group.families):
        family = FAMILIES.make(family_name, family_params)
        rungs = _rungs(group.rungs, family)
        family_name, family_params = pinned(family, family_params, rungs[0])
        family = FAMILIES.make(family_name, family_params)
        for dataset_name, dataset_params in map(named, group.datasets):
            dataset = DATASETS.make(dataset_name, dataset_params)
            task = dataset.task
            check_fit(family, rungs, task, dataset_name)
            settings = GroupSettings(**{name: getattr(group, name) for name in GroupSettings.model_fields})
            check_record([observable_from(each) for each in settings.observables], family, dataset)
            cells += [
                Cell(
                    family=(family_name, family_params),
                    dataset=(dataset_name, dataset_params),
                    rung=rung,
                    first_rung=rungs[0],
                    last_rung=rungs[-1],
                    settings=each,
                    takes=settings.resources.at(place, len(rungs)),
                )
                for place, rung in enumerate(rungs)
                for each in settings.alone()
            ]
    return cells


def rungs_of(group: Group) -> list[dict[str, int]]:
    """The model sizes of a group of one family, the smallest first."""
    from ..architectures.family import FAMILIES

    return _rungs(group.rungs, FAMILIES.make(*named(group.families[0])))


def _rungs(given: Any, family: Any) -> list[dict[str, int]]:
    ladder = [dict(rung) for rung in family.ladder]
    if not isinstance(given, list) and not ladder:
        raise InputError(f"family {family.name!r} has no ladder of its own: give rungs, such as [8, 12, 16]")
    if given == "all":
        return ladder
    if isinstance(given, int):
        if given > len(ladder):
            raise InputError(f"family {family.name!r} has {len(ladder)} rungs, {given} were asked for")
        return ladder[:given]
    knobs = list(ladder[0]) if ladder else list(family.knobs)
    if not given:
        raise InputError(
            f"the ladder of family {family.name!r} is empty: give rungs, such as {[r[knobs[0]] for r in ladder]}"
        )
    if len(knobs) > 1 and any(isinstance(rung, int) for rung in given):
        example = ladder[0] if ladder else dict.fromkeys(knobs, 8)
        raise InputError(f"a rung of family {family.name!r} has several knobs: write each as {example}")
    rungs = [{knobs[0]: rung} if isinstance(rung, int) else _in_order(rung, knobs) for rung in given]
    for rung in rungs:
        family.check_rung(rung)
    labels = [rung_label(rung) for rung in rungs]
    if len(set(labels)) < len(labels):
        raise InputError(f"the ladder of family {family.name!r} names a rung twice: {', '.join(labels)}")
    return rungs


def _in_order(rung: Mapping[str, int], knobs: Sequence[str]) -> dict[str, int]:
    """A rung's knobs as the ladder orders them, so that one rung has one label."""
    return {knob: rung[knob] for knob in (*knobs, *sorted(rung)) if knob in rung}


def named(value: Named) -> tuple[str, dict[str, Any]]:
    """Name and parameters of an entry of a sweep file."""
    if isinstance(value, str):
        return value, {}
    if "name" not in value:
        raise InputError(f"an entry with parameters is written {{name: ..., parameter: value}}, got {value}")
    return str(value["name"]), {k: v for k, v in value.items() if k != "name"}


def _normalised(group: dict[str, Any]) -> dict[str, Any]:
    return {key: _listed(value) if key in ("families", "datasets", "record") else value for key, value in group.items()}


def _text(source: str) -> str:
    if source in sweep_names():
        return _SWEEPS.joinpath(f"{source}.yaml").read_text()
    path = Path(source)
    if not path.is_file():
        if path.suffix in (".yaml", ".yml") or "/" in source:
            raise InputError(f"the sweep file {source!r} is not there. Built-in sweeps: {', '.join(sweep_names())}")
        raise unknown("sweep", source, sweep_names())
    try:
        return path.read_text()
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"the sweep file {source!r} cannot be read: {error}") from None


def _parse(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)  # plain data only: a tag that would run code is an error
    except yaml.YAMLError as error:
        raise InputError(f"{source} is not plain YAML: {' '.join(str(error).split())[:300]}") from None


def _override(pair: str) -> tuple[str, Any]:
    key, sign, value = pair.partition("=")
    if not sign:
        raise InputError(f"--set takes key=value, got {pair!r}")
    return key.strip(), _parse(value, f"--set {pair}")


def _explain(error: ValidationError, source: str) -> InputError:
    # An unknown key explains a missing one, so it is said first.
    first = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")[0]
    # What may be a number or a list is said by its key: pydantic adds the name of the type that it tried.
    parts = [str(part) for part in first["loc"]]
    place = ".".join(part for part in parts if not part.startswith(("constrained-", "list[")))
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        if "horizon" in first["loc"]:
            return InputError(f"{source}: the horizon rule has no key {key!r}. {_HORIZONS}")
        fields = Group.model_fields if "groups" in first["loc"] else [*Sweep.model_fields, "defaults"]
        return unknown(f"key in {source} at {place}:", key, fields)
    if "horizon" in first["loc"]:
        return InputError(f"{source}, {place}: {first['msg']}. {_HORIZONS}")
    given = "" if first["type"] == "missing" else f", got {str(first['input'])[:80]!r}"
    more = len(error.errors()) - 1
    return InputError(f"{source}, {place}: {first['msg']}{given}" + (f" (and {more} more)" if more else ""))


_HORIZONS = (
    "Allowed: {rule: steps, steps: N}, {rule: examples-per-parameter, ratio: R}, "
    "{rule: power-law, steps: N, exponent: G}, compute-optimal"
)
