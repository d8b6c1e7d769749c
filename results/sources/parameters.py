"""What a run was started with, in the file that its tool leaves beside its metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from .frames import flatten

FILES = (".hydra/config.yaml", "hparams.yaml", "params.json", "config.yaml", "config.json", "args.json")


def of_folder(folder: Path) -> dict[str, Any]:
    """Numbers and texts of the first parameter file in the folder, nested ones with dots; empty where there is none."""
    for name in FILES:
        path = folder / name
        if path.is_file():
            return {key: value for key, value in flatten(_load(path)).items() if isinstance(value, (str, int, float))}
    return {}


class _Plain(yaml.SafeLoader):
    """YAML that never builds objects: a value with a tag of Python's is left out."""


_Plain.add_multi_constructor("", lambda loader, suffix, node: None)


def _load(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
        found = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Plain)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    if not isinstance(found, dict):
        return {}
    # Hydra and W&B wrap values: {"lr": {"value": 0.1, "desc": null}}.
    return {k: v["value"] if isinstance(v, dict) and set(v) <= {"value", "desc"} and v else v for k, v in found.items()}
