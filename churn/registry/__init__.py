"""MLOps: runs as models, one of them the champion."""
