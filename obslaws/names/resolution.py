"""Which of the ids that boards' names were made into are models that other sources know, how sure, and by which rule.

Hub ids are exact; names of boards are not. Two spellings count as one model only where maker, letters and digits agree;
everything weaker is left apart and written into the review file with its nearest neighbour. A hand decision
(``reviewed.csv``) wins over every rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from obslaws.names.identity import UNKNOWN_MAKER, decided_by_hand

__all__ = ["CERTAIN", "DOUBTFUL", "resolve_names"]

CERTAIN = 0.9
DOUBTFUL = ("new", "owner")  # the rules that are less sure
_SERVED = re.compile(r"[-_](?:turbo|lite|fp8|bf16|preview|online|hf|instruct|chat|it|base|v\d+(?:\.\d+)*|\d{4,8})$")
# owners under which one maker publishes, the first of them the one that names are made with
_HOUSES = (
    ("meta-llama", "facebook", "codellama", "huggyllama"), ("ibm-granite", "ibm", "ibm-research"),
    ("zai-org", "THUDM"), ("CohereForAI", "CohereLabs"), ("HuggingFaceH4", "HuggingFaceTB"),
    ("openai", "openai-community"), ("microsoft", "WizardLMTeam"),
    ("Qwen", "Alibaba"), ("Snowflake", "snowflake"), ("ai21labs", "ai21"),
)  # fmt: skip
_HOUSE = {owner.lower(): house[0].lower() for house in _HOUSES for owner in house}


def _letters(name: str) -> str:
    low = name.rpartition("/")[2].lower().removesuffix("-hf").removesuffix("_hf").removeprefix("meta-")
    return re.sub(r"[^a-z0-9+]", "", low)


def _house(name: str) -> str:
    owner = name.partition("/")[0].lower()
    return _HOUSE.get(owner, owner)


def resolve_names(
    pairs: pd.DataFrame, known: Iterable[str], listed: Iterable[str], settled: Iterable[str] = ()
) -> pd.DataFrame:
    """Find the model behind each id that was made of a board's name.

    Parameters
    ----------
    pairs : DataFrame of shape (n_names, 2)
        Columns raw (as the board has it) and model (the id made of it).
    known : iterable of str
        Ids of sources that use hub ids, the preferred spelling first.
    listed : iterable of str
        Organisations that train their own models; a name without maker is looked for among theirs only.
    settled : iterable of str
        Ids of boards that were resolved before: they count as what an earlier board wrote.

    Returns
    -------
    DataFrame of shape (n_names, 6)
        Columns raw, made, model, rule, confidence and nearest. Rules: ``hand`` (1), ``hub-id`` (1), ``letters`` (0.95:
        maker, letters and digits agree), ``owner`` (0.8: no maker is stated and one listed maker has that name),
        ``stated`` (0.9: the board itself gives owner and name, and no other source knows the model), ``new`` (0.5: a
        maker but no such model; 0.2: no maker). Where the rule is ``new``, `nearest` names the model that differs by
        a suffix only: a person decides.
    """
    ids = list(dict.fromkeys(known))
    makers = {org.lower() for org in listed}
    exact: dict[str, str] = {}
    spelt: dict[tuple[str, str], str] = {}
    stems: dict[tuple[str, str], str] = {}
    anyone: dict[str, dict[str, str]] = {}
    for name in ids:
        letters = _letters(name)
        exact.setdefault(name.lower(), name)
        spelt.setdefault((_house(name), letters), name)
        stem = _house(name), _letters(_stem(name))
        stems[stem] = min(stems.get(stem, name), name)  # of several neighbours the same one, whatever the order
        if name.partition("/")[0].lower() in makers:
            anyone.setdefault(letters, {}).setdefault(name.lower(), name)
    rows = []
    for name in settled:
        if _house(name) != UNKNOWN_MAKER:
            spelt.setdefault((_house(name), _letters(name)), name)
    for raw, made in pairs[["raw", "model"]].drop_duplicates().itertuples(index=False, name=None):
        letters, house = _letters(made), _house(made)
        nearest = ""
        if decided_by_hand(str(raw)) == made:
            found, rule, confidence = exact.get(made.lower(), made), "hand", 1.0
        elif made.lower() in exact:
            found, rule, confidence = exact[made.lower()], "hub-id", 1.0
        elif (house, letters) in spelt:
            found, rule, confidence = spelt[house, letters], "letters", 0.95
        elif house == UNKNOWN_MAKER and len(anyone.get(letters, ())) == 1 and len(letters) >= 6:
            found, rule, confidence = next(iter(anyone[letters].values())), "owner", 0.8
        elif str(raw) == made:
            found, rule, confidence = made, "stated", 0.9
        else:
            found, rule, confidence = made, "new", 0.2 if house == UNKNOWN_MAKER else 0.5
            nearest = stems.get((house, _letters(_stem(made))), "")
        if house != UNKNOWN_MAKER:
            spelt.setdefault((house, letters), found)  # boards agree with each other about models that are new to us
        rows.append((raw, made, found, rule, confidence, nearest))
    return pd.DataFrame(rows, columns=["raw", "made", "model", "rule", "confidence", "nearest"])


def _stem(name: str) -> str:
    low = name.rpartition("/")[2].lower()
    while _SERVED.search(low):
        low = _SERVED.sub("", low)
    return low
