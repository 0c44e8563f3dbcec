"""Files that people wrote and that are no table: one sentence with name and cure, never a traceback."""

import pytest

from obslaws.errors import SchemaError
from obslaws.reading import read_csv


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"t\.csv: empty file; expected a CSV with columns a, b"),
        (b" \n\n", r"t\.csv: empty file"),
        (
            b"a;b\nx;0,3\n",
            r"t\.csv: semicolons stand between the columns; expected a CSV with columns a, b, with commas",
        ),
        (b"a\tb\nx\t0.3\n", r"t\.csv: tabs stand between"),
        (b"a,b\n1,2\n1,2,3\n", r"t\.csv: no readable CSV \(.*line 3, saw 3\)"),
        ("a,b\nä,1\n".encode("utf-16"), r"t\.csv: no readable CSV"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, content, words):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(SchemaError, match=words):
        read_csv(path, "a CSV with columns a, b")


def test_tables_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("only_one\n1\n")
    assert read_csv(path, "a column")["only_one"].tolist() == [1]
