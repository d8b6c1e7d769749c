"""What a family is: one architecture at many sizes, with the tasks that it fits."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..catalogue import Catalogue
from ..errors import InputError
from ..task import Ref, Task

if TYPE_CHECKING:
    from torch import nn

Rung = Mapping[str, int]


_PLURAL = {"vector": "vectors", "image": "images", "tokens": "token sequences"}


def wrong_kind(task: Task, *kinds: str) -> str | None:
    """One clause for `Family.misfit` where the task's kind is none of ``kinds``, else None."""
    if task.kind in kinds:
        return None
    return f"needs {' or '.join(_PLURAL[kind] for kind in kinds)}, the task has {_PLURAL[task.kind]}"


def widths(*values: int) -> tuple[Rung, ...]:
    """A ladder whose only knob is the width."""
    return tuple({"width": value} for value in values)


@dataclasses.dataclass(frozen=True)
class Family(ABC):
    """One architecture at many sizes. Subclass it as a frozen dataclass whose fields are its parameters.

    Attributes
    ----------
    name : what users write in a sweep.
    version : raise it when the same name would build another network.
    library : where the network comes from: ``torch``, ``timm``, ``torchvision``.
    ladder : the model sizes in order, parameters growing by 1.8 to 2.3 from one to the next. The first is the base of
        the maximal-update parametrisation.
    packable : whether many seeds of it may be trained as one batched model. False where a replica would notice the
        others: dropout, batch norm, convolutions (whose last bits depend on the size of the pack).
    running_statistics : whether it has batch norm, so that it is evaluated with statistics that ran along in training.
        Curves of such a family are exploratory: the statistics lag behind the weights.
    branch_ends : regular expressions that match the full names of the modules whose output is added to a residual
        stream, the last layers of attention and MLP, say. A family that gives them and has a field ``depth`` takes
        model sizes with a ``depth``; see `depth`. A block is the name up to the first number in it, or what the
        expression's group ``block`` matched.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    library: ClassVar[str] = "torch"
    ladder: ClassVar[tuple[Rung, ...]]
    packable: ClassVar[bool] = True
    running_statistics: ClassVar[bool] = False
    branch_ends: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "build" in vars(cls):
            cls.build = _after_its_check(cls.build)  # pyright: ignore[reportAttributeAccessIssue]

    @abstractmethod
    def misfit(self, task: Task) -> str | None:
        """Why the family cannot learn this task, in one clause, or None where it can."""

    @abstractmethod
    def build(self, rung: Rung, task: Task) -> nn.Module:
        """The network of this model size for this task.

        It maps a batch of inputs ``(batch, *task.shape)`` to ``(batch, outputs)``, or ``(batch, length, outputs)`` for
        tokens. Weights are drawn from torch's default generator, which the caller seeds and restores. ``rung`` has
        passed `check_rung` when a subclass's ``build`` begins.

        Raises
        ------
        InputError
            A model size that this family does not have.
        """

    def check_rung(self, rung: Rung) -> None:
        """Refuse a model size that this family does not have. Override to check more than the names and signs."""
        knobs = set(self.ladder[0])
        more = {"depth"} - knobs if self.base_depth else set()
        if not knobs <= set(rung) <= knobs | more or any(type(v) is not int or v < 1 for v in rung.values()):
            raise InputError(
                f"family {self.name!r} has no rung {dict(rung)}: a rung gives {', '.join(sorted(knobs))} "
                f"as positive whole numbers{', and depth if it is to differ' if more else ''}"
            )

    @property
    def base_depth(self) -> int | None:
        """The depth at which a branch has the factor 1; None where the depth is no knob of this family."""
        depth = self.ladder[0].get("depth", vars(self).get("depth")) if self.branch_ends else None
        return depth if isinstance(depth, int) else None

    @property
    def ref(self) -> Ref:
        """The name, version and parameters that enter a trial's identity."""
        params = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return Ref(name=self.name, version=self.version, params=params)


def _after_its_check(build: Callable[[Any, Rung, Task], nn.Module]) -> Callable[[Any, Rung, Task], nn.Module]:
    """A ``build`` that no rung reaches which the family does not have, whoever wrote it."""

    @functools.wraps(build)
    def checked(self: Family, rung: Rung, task: Task) -> nn.Module:
        self.check_rung(rung)
        return build(self, rung, task)

    return checked


FAMILIES: Catalogue[Family] = Catalogue("family", "onecurve.architectures")
