# One image for the steps of the flows and for the app; it runs as nobody in particular.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 \
    DO_NOT_TRACK=1 HOST=0.0.0.0 PORT=8000 CHURN_STATE=/var/lib/churn
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 churn \
    && install -d -o churn -m 700 /var/lib/churn
WORKDIR /srv/churn
COPY requirements.lock .
RUN pip install --no-deps --require-hashes -r requirements.lock
COPY --chown=churn churn churn
COPY --chown=churn flows flows
COPY --chown=churn serve serve
RUN python -m compileall -q churn flows serve && chown churn .
USER churn
EXPOSE 8000
# The prediction log, and the last models served; everything else may be read-only.
VOLUME /var/lib/churn
HEALTHCHECK CMD python -c "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health')"
# The app; a step is: docker run churn python flows/churn_flow.py run
CMD ["python", "-m", "serve"]
