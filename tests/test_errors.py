"""Errors cross from worker to caller whole."""

import pickle

import pytest

from obslaws import errors
from obslaws.errors import DomainElsewhereError, ObslawsError, UnknownNameError

MADE_OTHERWISE = (UnknownNameError, DomainElsewhereError)
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ObslawsError)]
ERRORS = [
    *(kind("what was found, and the cure") for kind in KINDS if kind not in MADE_OTHERWISE),
    UnknownNameError("view", "cor", ["core", "sloth"]),
    DomainElsewhereError("no such domain here", ("core",)),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
    with pytest.raises(type(error)):
        raise back
