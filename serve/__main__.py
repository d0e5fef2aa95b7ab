"""`python -m serve`, or `python path/to/serve`: the app under its server."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    # One thread per process: processes that share the cores are slower with more.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if Path(sys.path[0]).resolve() != ROOT:  # started as `python path/to/serve`
        sys.path[0] = str(ROOT)
    from serve.server.main import main

    sys.exit(main())
