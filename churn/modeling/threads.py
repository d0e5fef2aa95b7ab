"""How many threads a task may use, and the bound on those of OpenMP and BLAS."""

import os
from contextlib import AbstractContextManager

from joblib import cpu_count
from threadpoolctl import threadpool_limits


def threads_per_task(n_tasks: int) -> int:
    """The number of threads that each of `n_tasks` tasks may use.

    On one machine tasks share the cores, one process per core at most; a task on a cluster has a
    machine to itself.
    """
    cores: int = cpu_count()
    if os.environ.get("METAFLOW_RUNTIME_ENVIRONMENT", "local") != "local":
        return cores
    return max(1, cores // min(cores, n_tasks))


def bounded_threads(threads: int) -> AbstractContextManager[object]:
    """A context in which OpenMP uses `threads` threads, and BLAS one.

    BLAS sums in an order that depends on its threads, and a model must not depend on them. Only
    libraries that are loaded already are bounded, so import the estimator first.
    """
    bound: AbstractContextManager[object] = threadpool_limits({"openmp": threads, "blas": 1})
    return bound
