"""Run independent pieces of work one by one, in threads, in processes, or on the workers of a Dask cluster.

In: a function and its arguments, piece by piece. Out: the results in the same order, whoever computed them. One BLAS
thread everywhere: another number of threads may round another way, and results are to be the same bits everywhere.
Called by backtests and by the scoreboard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from obslaws.errors import UnknownNameError, UsageError

__all__ = ["BACKENDS", "Workers", "run_pieces"]

BACKENDS = ("loky", "threading", "dask")


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Parameters
    ----------
    jobs : int
        How many at a time; -1 for one per core. On a cluster that is already there its own workers count instead.
    backend : {"loky", "threading", "dask"}
        Processes, threads, or Dask.
    scheduler : str, optional
        Address of a Dask scheduler, ``tcp://host:8786``; without it the backend ``dask`` starts a cluster of local
        processes and stops it in the end.

    Raises
    ------
    UsageError
        A number of jobs that makes no sense, or a scheduler for another backend than Dask.
    UnknownNameError
        No such backend; the nearest is offered.
    """

    jobs: int = 1
    backend: str = "loky"
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.jobs == 0 or self.jobs < -1:
            raise UsageError(f"jobs is {self.jobs}; expected a number of processes, or -1 for one per core.")
        if self.backend not in BACKENDS:
            raise UnknownNameError("backend", self.backend, BACKENDS)
        if self.scheduler is not None and self.backend != "dask":
            raise UsageError(
                f"scheduler {self.scheduler!r} belongs to the backend 'dask', not to {self.backend!r}. "
                "Add --backend dask, or leave the scheduler out."
            )


def run_pieces(work: Callable[..., Any], pieces: Iterable[tuple[Any, ...]], workers: Workers) -> Iterator[Any]:
    """Do the pieces and give each result as soon as it and those before it are there.

    Parameters
    ----------
    work : callable
        A function of a module, so that another process can import it.
    pieces : iterable of tuple
        Arguments of `work`.
    workers : Workers

    Yields
    ------
    object
        ``work(*piece)``, in the order of `pieces`.

    Raises
    ------
    UsageError
        Dask is not installed, or nobody answers at the scheduler's address.
    """
    from threadpoolctl import threadpool_limits

    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1))
        if workers.jobs == 1 and workers.backend != "dask":
            yield from (work(*piece) for piece in pieces)
            return
        from joblib import Parallel, delayed, parallel_config

        if workers.backend == "dask":
            stack.enter_context(_cluster(workers))
        stack.enter_context(parallel_config(backend=workers.backend))
        n_jobs = -1 if workers.backend == "dask" else workers.jobs
        tasks = (delayed(_alone)(work, piece) for piece in pieces)
        yield from Parallel(n_jobs=n_jobs, return_as="generator")(tasks)


def _alone(work: Callable[..., Any], piece: tuple[Any, ...]) -> Any:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work(*piece)


def _cluster(workers: Workers) -> Any:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError("The backend 'dask' needs dask: pip install 'obslaws[dask]'.") from None
    if workers.scheduler is not None:
        try:
            return Client(workers.scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"No Dask scheduler answers at {workers.scheduler!r} ({type(error).__name__}). "
                "Start one with `dask scheduler` and workers with `dask worker ADDRESS`."
            ) from None
    stack = ExitStack()
    n_workers = None if workers.jobs == -1 else workers.jobs
    cluster = stack.enter_context(
        LocalCluster(n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=None)
    )
    stack.enter_context(Client(cluster))
    return stack
