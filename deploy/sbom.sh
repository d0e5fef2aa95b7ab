#!/usr/bin/env bash
# Writes the bill of materials of images, dist/IMAGE.cdx.json: the Python packages that are in them, in
# CycloneDX. Debian's packages belong to the base image.
#
#   deploy/sbom.sh churn churn-serve
set -euo pipefail
cd "$(dirname "$0")/.."
tools=deploy/.venv/bin
mkdir -p dist
for image in "$@"; do
    root=$(mktemp --directory)
    container=$(docker create "$image")
    trap 'docker rm "$container" >/dev/null; rm -rf "$root"' EXIT
    docker export "$container" | tar --extract --directory "$root" --wildcards \
        'usr/local/lib/python3*' 'usr/lib/python3*'
    # cyclonedx-py asks an interpreter for its path; this one has that of the image.
    found=$(cd "$root" && find "$root" -type d \( -name site-packages -o -name dist-packages \) -printf '"%p",')
    printf '#!/bin/sh\necho '\''[%s]'\''\n' "${found%,}" >"$root/python"
    chmod +x "$root/python"
    # To validate what it has just written takes it minutes.
    "$tools/cyclonedx-py" environment --output-reproducible --no-validate --pyproject pyproject.toml \
        --output-file "dist/$image.cdx.json" "$root/python"
    docker rm "$container" >/dev/null
    rm -rf "$root"
    trap - EXIT
    echo "dist/$image.cdx.json"
done
