"""Files that people wrote and that are no table: one sentence with name and cure, never a traceback."""

import pytest

from obslaws.errors import AssumptionWarning, SchemaError
from obslaws.panel import read_panel
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


@pytest.mark.parametrize("day", ["01/02/2024", "1.2.2024", "01-02-24"])
def test_dates_of_a_panel_that_may_be_two_days_are_refused(small_folder, tmp_path, day):
    """`to_datetime` reads the month first where it can, and the day first in the next row."""
    for name in ("models", "scores", "benchmarks"):
        (tmp_path / f"{name}.csv").write_text((small_folder / f"{name}.csv").read_text())
    models = (tmp_path / "models.csv").read_text().splitlines()
    models[3] = models[3].replace("2024-09-19", day)
    models[4] = models[4].replace("2024-09-19", "13/02/2024")
    (tmp_path / "models.csv").write_text("\n".join(models))
    with pytest.raises(
        SchemaError, match=r"models.csv, row 4, column 'release_date': found .* 2024-02-01 or 2024-01-02"
    ):
        read_panel(tmp_path)


def test_names_of_a_panel_that_differ_only_in_spelling_are_asked_about(small_folder, tmp_path):
    """Blanks around a name are nobody's intention; another case may be, and is told."""
    for name in ("models", "scores"):
        (tmp_path / f"{name}.csv").write_text((small_folder / f"{name}.csv").read_text())
    scores = (tmp_path / "scores.csv").read_text().splitlines()
    scores[1] = scores[1].replace("mmlu", " mmlu ")
    (tmp_path / "scores.csv").write_text("\n".join(scores))
    assert list(read_panel(tmp_path).scores.columns) == ["mmlu", "gsm8k", "hellaswag"]
    scores[1] = scores[1].replace(" mmlu ", "MMLU")
    (tmp_path / "scores.csv").write_text("\n".join(scores))
    with pytest.warns(AssumptionWarning, match="benchmarks 'MMLU' and 'mmlu' differ only in case"):
        read_panel(tmp_path)
