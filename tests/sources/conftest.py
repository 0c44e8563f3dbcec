from pathlib import Path

import pytest

from obslaws.sources import SOURCES

UPSTREAM = Path(__file__).parents[1] / "fixtures" / "upstream"


@pytest.fixture(scope="module")
def parsed():
    """Parse the excerpt of a source by id, once per module."""
    done = {}

    def parse(source_id):
        if source_id not in done:
            source = SOURCES[source_id]
            done[source_id] = source.parse(source.read(UPSTREAM))
        return done[source_id]

    return parse


@pytest.fixture(scope="module")
def fact(parsed):
    """Values of one attribute of one model, as a set of texts."""

    def values(source_id, model, attribute):
        facts = parsed(source_id).facts
        return set(facts.loc[facts["model"].eq(model) & facts["attribute"].eq(attribute), "value"])

    return values
