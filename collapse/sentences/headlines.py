"""What stands in JSON beside the fields of a result: its headline in words, and what its fields imply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...results.quantity import Quantity
from ..families.along import Along
from ..families.card import DeviationCard
from ..families.models import SmallestModel
from ..families.variance import VarianceShares
from ..laws.ranking import Ranked, Ranking
from ..onset.corrections import Corrections
from ..onset.single_runs import SingleOnset
from ..onset.sub_ladders import Onset
from ..outcome import GroupResult
from ..planning.planner import Design
from ..robust.influence import Influence
from ..robust.robustness import Robustness
from .of_families import along_sentence, card_sentence, model_reason, shares_sentence
from .of_laws import ranked_says, ranking_sentence
from .of_onset import correction_sentence, onset_sentence, single_onset_line
from .of_robustness import influence_sentence, robust_sentence
from .verdicts import sentence

#: Class of a result -> key -> what is written there.
HEADLINES: Mapping[type, Mapping[str, Callable[[Any, Quantity], Any]]] = {
    GroupResult: {"sentence": lambda result, _: sentence(result), "conditional": lambda result, _: result.conditional},
    Along: {"sentence": along_sentence},
    Corrections: {"sentence": correction_sentence},
    Design: {"goal": lambda design, _: design.goal.kind},
    Influence: {"sentence": influence_sentence},
    DeviationCard: {"sentence": card_sentence},
    Robustness: {"sentence": robust_sentence},
    Ranked: {"says": ranked_says},
    Ranking: {"sentence": ranking_sentence},
    Onset: {"sentence": onset_sentence},
    SingleOnset: {"sentence": single_onset_line},
    SmallestModel: {"reason": model_reason},
    VarianceShares: {"sentence": shares_sentence},
}
