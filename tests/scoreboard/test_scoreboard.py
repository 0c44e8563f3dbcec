import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from obslaws.backtest import backtest
from obslaws.errors import SchemaError, StorageError, UnknownNameError, UsageError
from obslaws.panel import load_panel
from obslaws.protocols import load_protocol, with_options
from obslaws.scoreboard.races import RACES, Race, find_races, folds_of
from obslaws.scoreboard.record import read_record, track_record
from obslaws.scoreboard.run import run_races
from obslaws.scoreboard.table import add_up, coverage_by_year, reliability, yearly

COMMITTED = Path(__file__).parents[2] / "docs" / "scoreboard.csv"
README = COMMITTED.parents[1] / "README.md"
RACE = Race("sloth-v2-1", "sloth-v2-1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pieces")


@pytest.fixture(scope="module")
def outcomes(folder):
    return run_races([RACE], ["logit-ols", "mean"], folder)


def test_a_race_is_a_backtest(outcomes):
    result = backtest("sloth-v2-1", forecaster="logit-ols")
    pd.testing.assert_frame_equal(outcomes[0].cells[list(result.cells)], result.cells, check_dtype=False)
    row, summary = add_up(outcomes).iloc[0], result.summary()
    for name in ("mae", "medae", "rmse", "bias", "mae_groups", "crps"):
        assert row[name] == pytest.approx(summary[name])
    assert row["decisions"] == pytest.approx(summary["decision_accuracy"])
    assert row["coverage_90"] == pytest.approx(summary["intervals"]["90"]["coverage"])


def test_differences_are_those_from_skill(outcomes):
    as_skill = [outcomes[0], type(outcomes[1])(RACE, "skill", *list(vars(outcomes[1]).values())[2:])]
    table = add_up(as_skill).set_index("forecaster")
    assert np.isnan(table.loc["skill", "difference"])
    assert table.loc["logit-ols", "difference"] == pytest.approx(
        table.loc["logit-ols", "mae"] - table.loc["skill", "mae"]
    )
    assert table.loc["logit-ols", "difference_lower"] <= table.loc["logit-ols", "difference"]


def test_reliability_and_years_count_what_is_below(outcomes):
    told = reliability(outcomes[0])
    assert told["below"].is_monotonic_increasing and len(told) == 13
    below = (outcomes[0].cells["score"] <= outcomes[0].cells["0.5"]).mean()
    assert told.loc[told["share"] == 0.5, "below"].item() == pytest.approx(below)
    models = outcomes[0].cells["model"].unique()
    years = pd.Series(np.where(np.arange(len(models)) % 2, 2023.0, 2024.0), index=models)
    table = coverage_by_year(outcomes[0], years)
    every, by_year = table.iloc[0], table.iloc[1:]
    assert every["year"] is pd.NA and by_year["year"].tolist() == [2023, 2024]
    assert by_year["n_cells"].sum() == every["n_cells"] == len(outcomes[0].cells)
    assert every["n_groups"] == outcomes[0].n_folds
    assert every["coverage_90"] == pytest.approx(add_up(outcomes)["coverage_90"][0])
    assert (by_year["n_cells"] * by_year["coverage_90"]).sum() / every["n_cells"] == pytest.approx(every["coverage_90"])
    assert (table["coverage_80_lower"] < table["coverage_80"]).all()
    assert (table["coverage_80"] < table["coverage_80_upper"]).all()


def test_years_are_those_of_release(outcomes):
    mean = next(one for one in outcomes if one.forecaster == "mean")
    table = yearly(outcomes, "mean")
    assert (table["n_cells"] >= 30).all() and set(table["race"]) == {RACE.name}
    released = load_panel("sloth").models["release_date"].dt.year
    assert table["year"].isna().sum() == 1
    for row in table.dropna(subset="year").itertuples():
        cells = mean.cells[(mean.cells["model"].map(released) == row.year).to_numpy()]
        assert row.n_cells == len(cells)
        assert row.coverage_90 == pytest.approx(
            ((cells["0.05"] <= cells["score"]) & (cells["score"] <= cells["0.95"])).mean()
        )


def test_what_is_done_is_not_done_again(folder, outcomes):
    stamps = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(stamps) == 24
    heard = []
    again = run_races([RACE], ["logit-ols", "mean"], folder, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(24, 24)]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps
    pd.testing.assert_frame_equal(again[1].cells, outcomes[1].cells, check_exact=True)
    next(iter(stamps)).unlink()
    heard.clear()
    run_races([RACE], ["logit-ols", "mean"], folder, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(23, 24), (24, 24)]


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_ended_goes_on_where_it_stopped(end, tmp_path, outcomes):
    command = [sys.executable, "-m", "obslaws", "scoreboard", "--races", "sloth-v2-1"]
    command += ["--forecasters", "logit-ols,mean", "--results", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests in the background inherit that it is not
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, encoding="utf-8", preexec_fn=heeded
    )
    while running.poll() is None and len(list(tmp_path.glob("*.parquet"))) < 3:
        time.sleep(0.01)
    running.send_signal(end)
    told = running.communicate()[1]
    if end == signal.SIGINT:
        assert running.returncode == 130
        assert f"kept in {tmp_path}; the same command goes on" in told and told.endswith("Interrupted.\n")
    done = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    assert done
    heard = []
    again = run_races([RACE], ["logit-ols", "mean"], tmp_path, progress=lambda *told: heard.append(told))
    assert heard[0] == (len(done), 24) and heard[-1] == (24, 24)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in done.items())
    for one, two in zip(again, outcomes, strict=True):
        pd.testing.assert_frame_equal(one.cells, two.cells, check_exact=True)


def test_every_race_can_be_planned():
    assert find_races(None) == RACES
    assert [race.revealed for race in find_races(["new-model"])] == [1, 3, 5]
    with pytest.raises(UnknownNameError, match="No race named 'new-modle'"):
        find_races(["new-modle"])
    for race in RACES:
        assert with_options(load_protocol(race.protocol), revealed=race.revealed).id == race.protocol
    assert len(folds_of(RACE, None, every=3)[0]) == 4


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot keep results here"):
        run_races([RACE], ["mean"], tmp_path / "file")


def test_the_command_writes_table_page_and_rows(run, folder, outcomes, tmp_path):
    asked = ("--races", "sloth-v2-1", "--forecasters", "logit-ols,mean", "--results", folder)
    done = run("scoreboard", *asked, "--page", tmp_path / "s.html", "--output", tmp_path / "s.csv")
    assert done.code == 0 and "sloth-v2-1, 12 folds" in done.out
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml") == 4 and "<script" not in page and "default-src 'none'" in page
    assert list(pd.read_csv(tmp_path / "s.csv")["forecaster"]) == ["logit-ols", "mean"]
    assert run("scoreboard", *asked, "--output", tmp_path / "s.md").code == 0
    assert "| logit-ols | 222 |" in (tmp_path / "s.md").read_text(encoding="utf-8")
    assert run("scoreboard", *asked, "--page", tmp_path / "s.txt").code == 1


@pytest.fixture(scope="module")
def record(outcomes):
    return track_record(outcomes, "2026-11-22", "0123456789ab", "0.1.0", "obslaws scoreboard --races sloth-v2-1")


def test_a_record_survives_its_file(record, tmp_path):
    path = tmp_path / "scoreboard.csv"
    path.write_text(record.to_csv(), encoding="utf-8")
    back = read_record(path)
    assert back.caption == "snapshot 2026-11-22 (0123456789ab), obslaws 0.1.0" and back.command == record.command
    pd.testing.assert_frame_equal(back.table, record.table.drop(columns="seconds"), check_dtype=False, rtol=1e-5)
    there, here = (one.reliability.sort_values(["forecaster", "share"], ignore_index=True) for one in (back, record))
    pd.testing.assert_frame_equal(there[list(here)], here, check_dtype=False, rtol=1e-5)
    assert back.to_csv() == record.to_csv()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="hash"), "no column 'hash'"),
        (lambda t: t[[c for c in t if not c.startswith("below_")]], "no column 'below_0.5'"),
        (lambda t: t.head(0), "no rows"),
        (lambda t: t.assign(hash=["a", "b"]), "rows of 2 runs"),
        (lambda t: t.assign(forecaster="mean"), "one row twice"),
        (lambda t: t.assign(mae="much"), "'mae' holds what is no number"),
        (lambda t: t.rename(columns={"below_0.5": "below_half"}), "'below_half' holds"),
    ],
)
def test_another_table_is_refused(record, tmp_path, change, words):
    path = tmp_path / "rows.csv"
    path.write_text(record.to_csv(), encoding="utf-8")
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(SchemaError, match=words) as told:
        read_record(path)
    assert "obslaws scoreboard --output rows.csv" in str(told.value)


def test_a_file_that_is_not_there_is_told_with_the_command(tmp_path):
    with pytest.raises(UsageError, match=r"no such file\. Write it with: obslaws scoreboard --output board\.csv"):
        read_record(tmp_path / "board.csv")
    (tmp_path / "board.csv").write_bytes(b"\xff\xfe\x00a,b\n")
    with pytest.raises(SchemaError, match=r"not a table|no column"):
        read_record(tmp_path / "board.csv")


def test_the_committed_table_can_be_reported_on():
    assert set(read_record(COMMITTED).table["race"]) == {race.name for race in RACES}


def test_the_readme_shows_the_page():
    """The README repeats one race of the page, row by row."""
    readme, page = (path.read_text(encoding="utf-8") for path in (README, COMMITTED.with_suffix(".md")))
    shown = page.split("## leave-family-out")[1].split("## ")[0].split("folds.")[1].strip()
    assert len(shown.splitlines()) == 2 + pd.read_csv(COMMITTED)["forecaster"].nunique()
    assert shown in readme


@pytest.mark.slow
@pytest.mark.parametrize("forecaster", ["skill", "logit-ols"])
def test_the_committed_table_is_what_comes_out(tmp_path, forecaster):
    """One slice of the committed results, refitted; it is rewritten by `obslaws scoreboard`, see docs/scoreboard.md."""
    race = find_races(["date-cutoff"])
    told = pd.read_csv(COMMITTED).set_index(["race", "forecaster"]).loc[("date-cutoff", forecaster)]
    row = add_up(run_races(race, [forecaster], tmp_path)).iloc[0]
    assert row["n_cells"] == told["n_cells"]
    for name in ("mae", "medae", "crps", "coverage_80", "coverage_90", "coverage_95", "width_90"):
        # another processor rounds another way: the fit stops a little elsewhere
        assert row[name] == pytest.approx(told[name], rel=0.01), name
