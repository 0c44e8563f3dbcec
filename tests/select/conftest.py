from typing import NamedTuple

import pytest

from obslaws.cli.app import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Run the program as a shell would; gives its exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in arguments])
            raise SystemExit(0)
        caught = capsys.readouterr()
        return Ran(int(left.value.code or 0), caught.out, caught.err)

    return run
