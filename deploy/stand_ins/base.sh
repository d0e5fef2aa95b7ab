#!/usr/bin/env bash
# Makes an image from Debian's packages in place of the Dockerfile's base image, where no registry of
# images can be reached: Python, pip, and this machine's certificates.
#
#   deploy/stand_ins/base.sh churn-base && BASE=churn-base make image
set -euo pipefail
image=$1
root=$(mktemp --directory /var/tmp/churn-base-XXXXXX)
trap 'rm -rf "$root"' EXIT
# The mirror that this machine has.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/\?$' | head -n 1)
debootstrap --variant=minbase --include=ca-certificates,python3-pip,python3-venv \
    bookworm "$root" "$mirror" >/dev/null
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale} \
    "$root"/usr/lib/python3.11/EXTERNALLY-MANAGED
ln -s /usr/bin/python3 "$root/usr/local/bin/python"
ln -s /usr/bin/pip3 "$root/usr/local/bin/pip"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
tar --create --directory "$root" . | docker import \
    --change "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt" - "$image" >/dev/null
