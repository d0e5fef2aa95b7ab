# Two images: `flow` runs the steps of the flows, `serve` the app. Both run as any user, with a
# read-only root and one writable volume.
#
#   docker build --target serve --tag churn-serve .
#   docker build --target flow --tag churn .

# In place of the base image, which is pinned by its digest; docs/deployment.md says how to move it.
ARG BASE
FROM ${BASE:-python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 DO_NOT_TRACK=1 \
    HOME=/var/lib/churn CHURN_HOME=/var/lib/churn CHURN_STATE=/var/lib/churn/state \
    HOST=0.0.0.0 PORT=8000
# Any uid writes here as a member of group 0; what it makes belongs to it.
RUN install --directory --owner=1000 --group=0 --mode=2775 /var/lib/churn
WORKDIR /srv/churn
VOLUME /var/lib/churn
LABEL org.opencontainers.image.licenses="MIT"

FROM base AS serve
COPY serve/*.lock serve/
# serve/otel.lock has the packages for traces, too.
ARG LOCK=serve/requirements.lock
RUN pip install --no-deps --require-hashes -r "$LOCK"
COPY churn churn
COPY serve serve
RUN python -m compileall -q churn serve
ARG COMMIT=unknown
ENV CHURN_COMMIT=$COMMIT
LABEL org.opencontainers.image.title="churn-serve" \
      org.opencontainers.image.description="Serves a model of churn over HTTP" \
      org.opencontainers.image.revision=$COMMIT
# Metaflow downloads into the working directory otherwise, which may be read-only.
ENV METAFLOW_TEMPDIR=/tmp METAFLOW_ARTIFACT_LOCALROOT=/tmp
USER 1000:0
EXPOSE 8000
# Liveness; readiness, which needs a model, is /ready.
HEALTHCHECK CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health')"]
CMD ["python", "-m", "serve"]

FROM base AS flow
# libgomp: OpenMP, which scikit-learn's boosting runs on; its version goes with the base image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock .
RUN pip install --no-deps --require-hashes -r requirements.lock
COPY churn churn
COPY flows flows
RUN python -m compileall -q churn flows
ARG COMMIT=unknown
ENV CHURN_COMMIT=$COMMIT
LABEL org.opencontainers.image.title="churn" \
      org.opencontainers.image.description="Runs the steps of the flows of churn" \
      org.opencontainers.image.revision=$COMMIT
# In a pod Metaflow unpacks the code package into the working directory, and would install what is
# there already.
ENV METAFLOW_SKIP_INSTALL_DEPENDENCIES=1
USER 1000:0
WORKDIR /var/lib/churn
CMD ["python", "/srv/churn/flows/churn_flow.py", "run"]
