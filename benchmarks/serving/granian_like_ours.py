"""Another app of this folder under the server of `python -m serve`, with the same settings.

PORT=8000 CHURN_WORKERS=2 python benchmarks/serving/granian_like_ours.py constant
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from serve.server.main import granian_server  # noqa: E402

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    port, workers = int(os.environ["PORT"]), int(os.environ["CHURN_WORKERS"])
    target = f"{sys.argv[1]}:create_app"
    granian_server("127.0.0.1", port, workers, target).serve()
