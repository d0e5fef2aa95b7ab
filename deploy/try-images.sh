#!/usr/bin/env bash
# Builds both images, trains a model in `flow`, serves it from `serve`, and asks it about a customer:
# as an arbitrary user, with a read-only root and one volume. Needs a container engine; BASE names
# another base image (deploy/stand_ins/base.sh makes one where none can be pulled).
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(git describe --always --abbrev=40 --dirty=+ --exclude='*')
volume=churn-try-$$
user=4321:0
build() {
    docker build --quiet ${DOCKER_BUILD_OPTIONS:-} --build-arg "COMMIT=$commit" \
        --build-arg "BASE=${BASE:-}" --target "$1" --tag "$2" .
}
clean() { docker rm --force "$volume" >/dev/null 2>&1 || true; docker volume rm "$volume" >/dev/null 2>&1 || true; }
trap clean EXIT

build flow churn
build serve churn-serve
docker images --format '{{.Repository}} {{.Size}}' | grep '^churn'

contained=(--read-only --tmpfs /tmp --user "$user" --volume "$volume:/var/lib/churn")
docker run --rm "${contained[@]}" --memory 2g churn
docker run --detach --name "$volume" "${contained[@]}" --memory 1g \
    --env CHURN_RUN=champion --publish 127.0.0.1::8000 churn-serve >/dev/null
address=$(docker port "$volume" 8000/tcp)
for _ in $(seq 60); do
    curl --fail --silent "http://$address/ready" >/dev/null && break
    sleep 1
done
curl --fail --silent --show-error "http://$address/predict" \
    --header 'Content-Type: application/json' --data @deploy/customer.json
echo
docker exec "$volume" python -c 'import os; assert os.getuid() == 4321'
docker stop --time 30 "$volume" >/dev/null
test "$(docker inspect --format '{{.State.ExitCode}}' "$volume")" = 0
echo "Both images work: as user $user, with a read-only root and one volume."
