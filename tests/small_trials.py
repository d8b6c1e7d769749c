"""A trial of a few updates, for tests that train one."""

from __future__ import annotations

from onecurve.architectures.family import FAMILIES
from onecurve.benchmark.optimisers.optimiser import optimiser_from
from onecurve.benchmark.train import PROTOCOL
from onecurve.datasets.dataset import DATASETS
from onecurve.results.trials import TrialSpec
from onecurve.task import Ref

FOURIER = ("fourier", {"inputs": 2, "modes": 64, "pool": 4096, "test_size": 64})
GLYPHS = ("glyphs", {"classes": 4, "test_size": 32})


def small_trial(family="mlp", dataset=FOURIER, optimizer="adam", **changes) -> TrialSpec:
    """The first rung of a family, an MLP of width 16, on a small data set; fields of the trial are changed by name.

    A family and a data set are names, or a name with its parameters.
    """
    made = FAMILIES.make(*([family] if isinstance(family, str) else family))
    fields = {
        "family": made.ref,
        "rung": {"width": 16} if family == "mlp" else dict(made.ladder[0]),
        "dataset": DATASETS.make(*dataset).ref,
        "optimizer": optimizer if isinstance(optimizer, Ref) else optimiser_from(optimizer).ref,
        "peak_lr": 0.01,
        "schedule": "linear",
        "warmup_fraction": 0.05,
        "batch_size": 16,
        "parametrization": Ref(name="mup"),
        "horizon_rule": "",
        "horizon_steps": 40,
        "eval_grid": "v1",
        "precision": "float32",
        "packed": True,
        "seed": 0,
        "protocol": PROTOCOL,
    }
    return TrialSpec(**{**fields, **changes})
