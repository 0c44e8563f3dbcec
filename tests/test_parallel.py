import threading

import pandas as pd
import pytest

from obslaws.backtest import backtest
from obslaws.errors import UnknownNameError, UsageError
from obslaws.parallel import Workers, run_pieces


def double(x):
    return 2 * x


def stumble(x):
    raise ValueError(f"piece {x}")


@pytest.mark.parametrize("workers", [Workers(), Workers(2, "threading"), Workers(2)], ids=str)
def test_results_come_in_the_order_of_the_pieces(workers):
    assert list(run_pieces(double, ((x,) for x in range(9)), workers)) == list(range(0, 18, 2))


def test_one_job_works_here_and_now():
    seen = []
    work = run_pieces(lambda x: seen.append((x, threading.get_ident())), ((x,) for x in range(3)), Workers())
    next(work)
    assert seen == [(0, threading.get_ident())]
    assert len([*work]) == 2


def test_an_error_of_a_piece_is_the_error():
    for workers in (Workers(), Workers(2, "threading")):
        with pytest.raises(ValueError, match=r"piece \d"):
            list(run_pieces(stumble, ((x,) for x in range(2)), workers))


def test_bad_workers_say_what_to_do():
    with pytest.raises(UsageError, match="jobs is 0"):
        Workers(0)
    with pytest.raises(UnknownNameError, match=r"No backend named 'lokky'\. Did you mean 'loky'"):
        Workers(2, "lokky")
    with pytest.raises(UsageError, match="Add --backend dask"):
        Workers(2, "loky", "tcp://127.0.0.1:1")


@pytest.fixture(scope="module")
def one_by_one(small_panel):
    return backtest("leave-family-out", small_panel, "logit-ols")


def assert_same_bits(one, two):
    pd.testing.assert_frame_equal(one.cells, two.cells, check_exact=True)
    pd.testing.assert_frame_equal(one.quantiles, two.quantiles, check_exact=True)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_processes_and_threads_give_the_same_bits(small_panel, one_by_one, backend):
    assert_same_bits(one_by_one, backtest("leave-family-out", small_panel, "logit-ols", jobs=2, backend=backend))


@pytest.mark.filterwarnings("ignore")  # what Dask's own sockets and loops leave behind is none of ours
@pytest.mark.slow
def test_a_cluster_gives_the_same_bits(small_panel):
    distributed = pytest.importorskip("distributed")
    alone = backtest("leave-family-out", small_panel, "skill")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        spread = backtest("leave-family-out", small_panel, "skill", backend="dask", scheduler=address)
    assert_same_bits(alone, spread)
    assert_same_bits(alone, backtest("leave-family-out", small_panel, "skill", jobs=2))


@pytest.mark.filterwarnings("ignore")
def test_a_silent_scheduler_is_named(small_panel, monkeypatch):
    distributed = pytest.importorskip("distributed")

    def refuse(*_, **__):
        raise OSError("Timed out")

    monkeypatch.setattr(distributed, "Client", refuse)
    with pytest.raises(UsageError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:1'.*`dask scheduler`"):
        backtest("leave-family-out", small_panel, "mean", backend="dask", scheduler="tcp://127.0.0.1:1")
