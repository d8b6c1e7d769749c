"""Any model of timm or torchvision by name: ``timm:CLASS``, ``torchvision:NAME``, with arguments from the sweep file.

Never with pretrained weights, so nothing is downloaded. The libraries take seconds to import, so functions do it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import json
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any, ClassVar

import torch
from torch import nn

from ..errors import InputError
from ..task import Ref, Task
from .draws import Key, key_of, secluded
from .family import FAMILIES, Rung, wrong_kind
from .flops import example_inputs
from .foreign import ForeignFamily, canonical, flattened, has_batch_norm, silence, unflattened
from .scaling import at_rung, knobs_of, mapped
from .trial_run import spent_strides

LIBRARIES = {"timm": "timm.models", "torchvision": "torchvision.models"}
FIXED: Rung = {"fixed": 1}  # the one rung of a model without a width
_FORBIDDEN = (
    "pretrained",
    "weights",
    "weights_backbone",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "checkpoint_path",
)
_FROM_TASK = ("num_classes", "in_chans", "img_size", "image_size", "progress", "device", "dtype")


@dataclasses.dataclass(frozen=True)
class ZooModel(ForeignFamily):
    """A library's model whose arguments a sweep gives.

    Attributes
    ----------
    model : ``timm:ConvNeXt``, say; the family's name. The library's version is the family's.
    base : the base rung as canonical JSON: the first rung that the sweep lists, unless it says ``base``. Empty where
        nothing has said it yet; then there is no ladder.
    ends : the family's ``branch_ends``, which a ladder of depths needs under maximal update.
    """

    knobs: ClassVar[tuple[str, ...]] = ()
    model: str = ""
    base: str = ""
    ends: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        library = self.model.partition(":")[0]
        knobs = knobs_of(json.loads(self.arguments))
        base: Rung | None = json.loads(self.base) if self.base else None if knobs else FIXED
        _set(self, name=self.model, library=library, version=version(library), packable=False)
        _set(self, ladder=(base,) if base else (), knobs=knobs or tuple(FIXED))
        _set(self, branch_ends=self.ends)
        _set(self, running_statistics=has_batch_norm(self))

    @property
    def ref(self) -> Ref:
        more = {"base": self.base} if self.base else {}
        more |= {"branch_ends": canonical(self.ends)} if self.ends else {}
        return Ref(name=self.name, version=self.version, params={**flattened(json.loads(self.arguments)), **more})

    def check_rung(self, rung: Rung) -> None:
        fixed = self.knobs == tuple(FIXED)
        sound = set(rung) == set(self.knobs) and all(type(v) is int and v >= 1 for v in rung.values())
        if not sound or (fixed and rung != FIXED):
            wanted = f"a rung gives {' and '.join(self.knobs)} as positive whole numbers"
            if fixed:
                wanted = "no argument is written with w or d, so it has one fixed size: leave out `rungs`"
            raise InputError(f"family {self.name!r} has no rung {dict(rung)}: {wanted}")

    def misfit(self, task: Task) -> str | None:
        return wrong_kind(task, "image") or super().misfit(task)

    def build(self, rung: Rung, task: Task) -> nn.Module:
        if task.kind != "image":
            raise InputError(wrong_kind(task, "image") or "")
        return _construct(self, rung, task, dict(_fitting(self, key_of(rung), task)))


def _set(family: ZooModel, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(family, name, value)


@FAMILIES.maker(lambda name: name.partition(":")[0] in LIBRARIES and ":" in name)
def zoo_model(name: str, params: Mapping[str, Any]) -> ZooModel:
    """The family of a zoo name with the arguments that a sweep gives, checked against the constructor's signature.

    Raises
    ------
    InputError
        A name that the library does not have, an argument that is unknown, missing, or asks for weights or dropout.
    """
    given = unflattened(params)
    base, ends = given.pop("base", None), given.pop("branch_ends", [])
    ends = tuple(map(str, ends if isinstance(ends, list) else [ends]))
    _check_arguments(name, given)
    knobs = knobs_of(given)
    if isinstance(base, int) and len(knobs) == 1:
        base = {knobs[0]: base}
    if base is not None and (not isinstance(base, dict) or set(base) != set(knobs)):
        raise InputError(f"{name}: `base` is a rung that gives {' and '.join(knobs) or 'nothing'}, got {base}")
    return _made(name, canonical(given), canonical(base) if base is not None else "", ends)


@functools.lru_cache(maxsize=256)
def _made(name: str, arguments: str, base: str, ends: tuple[str, ...]) -> ZooModel:
    return ZooModel(model=name, arguments=arguments, base=base, ends=ends)


@functools.lru_cache(maxsize=256)
def constructor(name: str) -> Callable[..., nn.Module]:
    """The class, or for torchvision also the function, that a zoo name stands for.

    Raises
    ------
    InputError
        A library that is not installed, a name that it does not have, with the nearest ones.
    """
    library, _, wanted = name.partition(":")
    try:
        package = importlib.import_module(LIBRARIES[library])
    except ImportError as error:
        raise InputError(f"{name} needs the package {library}: {error}") from None
    there = dict(_models(library, package))
    if wanted not in there:
        lowered = {each.lower(): each for each in there}
        close = [lowered[each] for each in get_close_matches(wanted.lower(), lowered, n=3, cutoff=0.5)]
        hint = f" Near it: {', '.join(close)}." if close else ""
        kind = "class" if library == "timm" else "model"
        raise InputError(f"{library} has no {kind} {wanted!r}.{hint} It has {len(there)}, such as {sorted(there)[0]}.")
    return there[wanted]


def _models(library: str, package: Any) -> Iterator[tuple[str, Any]]:
    """Everything that classifies: classes with ``num_classes``, and torchvision's builders."""
    modules = [m for n, m in sorted(sys.modules.items()) if n.startswith(f"{package.__name__}.") and m is not None]
    for module in (*modules, package):
        for name, value in vars(module).items():
            ours = inspect.isclass(value) and issubclass(value, nn.Module) and value.__module__.startswith(library)
            if ours and "num_classes" in inspect.signature(value).parameters:
                yield name, value
    if library == "torchvision":
        yield from ((name, package.get_model_builder(name)) for name in package.list_models(module=package))


def _check_arguments(name: str, given: Mapping[str, Any]) -> None:
    known = inspect.signature(constructor(name)).parameters
    loose = any(p.kind is p.VAR_KEYWORD for p in known.values())
    allowed = [n for n, p in known.items() if p.kind is not p.VAR_KEYWORD and n not in (*_FORBIDDEN, *_FROM_TASK)]
    for key, value in given.items():
        if key in _FORBIDDEN:
            raise InputError(f"{name}: {key!r} is refused: networks start from random weights, nothing is downloaded")
        if key in _FROM_TASK:
            raise InputError(f"{name}: {key!r} is given by the task, leave it out")
        if key not in allowed and not loose:
            close = get_close_matches(key, allowed, n=1, cutoff=0.5)
            nearest = f" Did you mean {close[0]!r}?" if close else ""
            raise InputError(f"{name} has no argument {key!r}.{nearest} It takes {', '.join(allowed)}.")
        if _random(key) and value != 0:
            raise InputError(
                f"{name}: {key!r} is refused: dropout is off in models of libraries. Leave it out, or "
                "call the model in a class of your own, whose dropout has masks that depend on seed and step alone"
            )
    given_by_task = {*given, *_FROM_TASK}
    missing = [n for n, p in known.items() if _required(p) and n not in given_by_task]
    if missing and not (missing == ["patch_size"]):
        raise InputError(f"{name} needs the argument{'s' * (len(missing) > 1)} {', '.join(f'`{n}`' for n in missing)}")


def _required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_KEYWORD,
        parameter.VAR_POSITIONAL,
    )


def _random(name: str) -> bool:
    return "drop" in name.split("_") or "dropout" in name or "stochastic" in name


def _construct(family: ZooModel, rung: Rung, task: Task, more: Mapping[str, Any]) -> nn.Module:
    """The network at a rung, with ``more`` arguments that fit it to the task."""
    make = constructor(family.name)
    known = inspect.signature(make).parameters
    given = {
        name: _as_argument(make, name, at_rung(value, rung, name, whole=_whole(known.get(name))))
        for name, value in json.loads(family.arguments).items()
    }
    channels, side, _ = task.shape
    from_task = {"num_classes": task.outputs, "in_chans": channels, "img_size": side, "image_size": side}
    off = {n: 0.0 for n, p in known.items() if _random(n) and isinstance(p.default, (int, float)) and p.default}
    fitted: dict[str, Any] = {n: v for n, v in from_task.items() if n in known or n == "num_classes"}
    if "weights" in known:
        fitted["weights"] = None
    if family.library == "timm":
        from timm.layers import set_fused_attn

        set_fused_attn(False)  # fused attention neither batches over seeds nor is it counted
    with silence():
        net = make(**{**off, **fitted, **more, **given})
    return _without_chance(net if "in_chans" in known else _with_channels(net, channels))


def _whole(parameter: inspect.Parameter | None) -> bool:
    """Whether an argument takes whole numbers: its annotation or its default says so."""
    if parameter is None:
        return False
    default = parameter.default[0] if isinstance(parameter.default, tuple) and parameter.default else parameter.default
    said = str(parameter.annotation)
    return "float" not in said and ("int" in said or type(default) is int)


def _as_argument(make: Callable[..., nn.Module], name: str, value: Any) -> Any:
    """Names of classes beside the model become the classes, mappings its configuration."""
    beside = vars(sys.modules[make.__module__])
    value = mapped(value, lambda v: beside[v] if isinstance(v, str) and inspect.isclass(beside.get(v)) else v)
    if isinstance(value, dict):
        wanted = typing.get_type_hints(make if inspect.isfunction(make) else make.__init__).get(name)
        if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
            return wanted(**value)
    return value


def _with_channels(net: nn.Module, channels: int) -> nn.Module:
    """Cut the first convolution, which sees three colours, to the task's channels. Its draw stays the library's."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels == 3:
            if channels > 3:
                raise InputError(f"takes up to 3 channels, the task has {channels}")
            layer.weight = nn.Parameter(layer.weight.detach()[:, :channels].clone())
            layer.in_channels = channels
            return net
    raise InputError(f"has no first convolution to fit to {channels} channels")


def _without_chance(net: nn.Module) -> nn.Module:
    for module in net.modules():
        for name in ("p", "drop_prob"):
            if isinstance(getattr(module, name, None), float) and _random(_words(type(module).__name__)):
                setattr(module, name, 0.0)
    return net


def _words(name: str) -> str:
    return "_".join(("".join(f" {c}" if c.isupper() else c for c in name)).lower().split())


@functools.lru_cache(maxsize=512)
def _fitting(family: ZooModel, key: Key, task: Task) -> tuple[tuple[str, Any], ...]:
    """Arguments that fit the stem to the image: the first choice that runs without strides to spare, else the first."""
    choices = list(_choices(family, task))
    for choice in choices:
        try:
            with secluded(0), silence(), torch.no_grad():
                net = _construct(family, dict(key), task, choice)
                with spent_strides(net) as spent:
                    net(example_inputs(task, 2))
        except Exception:  # `refusal` says why, for the first choice
            continue
        if not spent:
            return tuple(choice.items())
    return tuple(choices[0].items())


def _choices(family: ZooModel, task: Task) -> Iterator[dict[str, Any]]:
    known = inspect.signature(constructor(family.name)).parameters
    given, side = json.loads(family.arguments), task.shape[1]
    if "patch_size" in known and "patch_size" not in given:
        default = known["patch_size"].default
        coarsest = default if type(default) is int else 16
        fitting = [p for p in range(coarsest, 0, -1) if side % p == 0 and side // p >= 4]
        yield from ({"patch_size": p} for p in fitting or [1])
    else:
        yield {}
        if "output_stride" in known and "output_stride" not in given:
            yield from ({"output_stride": stride} for stride in (16, 8))
