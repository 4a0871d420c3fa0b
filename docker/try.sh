#!/usr/bin/env bash
# Build the image and run the compose file once for real, on a machine that has no Docker engine running and
# perhaps no access to an image registry: three services healthy, a licence, a video from the simulated backend,
# and that video again after gateway and Redis were killed. Nothing of it stays: no engine, no image, no folder.
#
#   sudo docker/try.sh            everything, then clean up
#   sudo KEEP=1 docker/try.sh     leave it running; ends, and is cleaned up, with Ctrl-C
#
# Needs: root on Debian 12 or newer, and
#   apt-get install --no-install-recommends docker.io docker-compose debootstrap python3-venv curl
# Takes: 3 GB of disk, a few minutes, and the Debian mirror and package index that apt and pip use here anyway.
#
# What differs from a usual `docker compose up`: both base images are made here by debootstrap, from Debian's
# own Python and Redis. This proves the Dockerfile and the compose file, not the official base images. pip
# installs from a folder that a pip of this machine has filled, with the same version of Python, and that is
# served on loopback during the build. The engine has its own folder and socket, leaves the firewall alone and
# adds no default bridge.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /var/tmp/sora-try.XXXXXX)
port=${PORT:-18000}
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" "Created-By: Packages" | head -n 1)}

export DOCKER_HOST="unix://$work/docker.sock"
export DOCKER_BUILDKIT=0 # the classic builder is all that Debian packages
export PYTHON_IMAGE=try/python REDIS_IMAGE=try/redis
export SORA_GATEWAY_PUBLISH="127.0.0.1:$port"
export SORA_GATEWAY_SORA_WEB_BASE_URL=http://simulator:8100/backend
export SORA_GATEWAY_SORA_WEB_SENTINEL_TOKEN=simulated
export SIMULATOR_SCENARIO=fast
base="http://127.0.0.1:$port/sora/v1"

if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(-p sora-try -f "$root/docker/compose.yaml" --profile simulator)
started=() # process ids, in the order in which they began

step() { printf '\n== %s\n' "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

tidy() {
    local status=$? pid
    trap - EXIT INT TERM
    if [ "$status" != 0 ] && docker info >/dev/null 2>&1; then "${compose[@]}" logs --tail=40 || true; fi
    step "Taking everything down"
    "${compose[@]}" down --volumes --timeout 10 >/dev/null 2>&1 || true
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    findmnt --raw --noheadings --output TARGET | grep "^$work/" | sort -r | xargs --no-run-if-empty umount
    rm -rf --one-file-system "$work"
    exit "$status"
}

until_true() { # seconds, command...
    local left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then return 1; fi
        sleep 1
    done
}

is_healthy() {
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$("${compose[@]}" ps -q "$1")")" = healthy ]
}

make_base_images() {
    step "Making the base images from $suite"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,redis-server \
        "$suite" "$work/root" "$mirror" >"$work/debootstrap.log" || fail "see $work/debootstrap.log"
    tar -C "$work/root" -c . | docker import - "$PYTHON_IMAGE" >/dev/null
    # As the official image: the data folder is the working directory.
    tar -C "$work/root" -c . | docker import --change 'WORKDIR /data' --change 'VOLUME /data' - "$REDIS_IMAGE" >/dev/null
}

serve_wheels() {
    step "Fetching the packages"
    /usr/bin/python3 -m venv "$work/venv"
    /usr/bin/python3 -c '
import sys, tomllib
file = tomllib.load(sys.stdin.buffer)
print(*file["build-system"]["requires"], "wheel", *file["project"]["dependencies"], sep="\n")
' <"$root/pyproject.toml" >"$work/requirements.txt"
    "$work/venv/bin/pip" download -qq --dest "$work/wheels" --requirement "$work/requirements.txt"
    /usr/bin/python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/wheels" >"$work/wheels.log" 2>&1 &
    started+=($!)
    until_true 10 grep -q 'port [0-9]' "$work/wheels.log" || fail "the packages are not served"
    wheels=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/wheels.log")/
}

[ "$(id -u)" = 0 ] || fail "a Docker engine needs root"
for tool in docker dockerd debootstrap curl; do
    command -v "$tool" >/dev/null || fail "$tool is missing; the first lines of this file say what is needed"
done
"${compose[@]}" version >/dev/null 2>&1 || fail "docker-compose is missing"
trap tidy EXIT
trap 'exit 130' INT TERM

step "Starting a Docker engine in $work"
dockerd --host "$DOCKER_HOST" --data-root "$work/engine" --exec-root "$work/exec" --pidfile "$work/engine.pid" \
    --iptables=false --ip6tables=false --bridge=none >"$work/engine.log" 2>&1 &
started+=($!)
until_true 30 docker info || fail "$(tail -n 3 "$work/engine.log")"
docker info --format 'engine {{.ServerVersion}}, storage {{.Driver}}'

make_base_images
serve_wheels

step "Building the image"
docker build --network host --tag sora-gateway --build-arg PYTHON_IMAGE \
    --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS="$wheels" "$root" >"$work/build.log" 2>&1 ||
    fail "$(tail -n 20 "$work/build.log")"
docker image inspect --format '{{.Size}} bytes, user {{.Config.User}}' sora-gateway

step "Starting the compose file"
"${compose[@]}" up -d --no-build
for service in redis simulator gateway; do
    until_true 90 is_healthy "$service" || fail "$service does not become healthy"
    echo "$service is healthy"
done

step "Asking for the models with a fresh licence"
in_gateway() { "${compose[@]}" exec -T gateway "$@"; }
key=$(in_gateway sora-gateway licence create try --all 2>/dev/null | tr -d '\r')
call() { curl --fail-with-body --silent --show-error --max-time 60 --header "Authorization: Bearer $key" "$@"; }
call "$base/models" >"$work/models.json" || fail "$(cat "$work/models.json")"
in_gateway python3 -c 'import json, sys; print(*[m["id"] for m in json.load(sys.stdin)["data"]][:8], "...")' <"$work/models.json"

step "Making a video with an account of the simulator"
"${compose[@]}" logs --no-color simulator | grep -o 'eyJ[^ ]*' | sort -u | in_gateway sora-gateway account add
call "$base/videos" --json '{"model": "sora_video2", "prompt": "A paper boat in the rain, 雨中的纸船"}' >"$work/video.json" ||
    fail "$(cat "$work/video.json")"
id=$(sed -n 's/.*"id": *"\(video_[^"]*\)".*/\1/p' "$work/video.json")
is_completed() { call "$base/videos/$id" | tee "$work/video.json" | grep -q '"status": *"completed"'; }
until_true 120 is_completed || fail "$(cat "$work/video.json")"
call "$base/videos/$id/content" --output "$work/boat.mp4"
in_gateway python3 -c 'import av, io, sys; print(av.open(io.BytesIO(sys.stdin.buffer.read())).streams.video[0])' <"$work/boat.mp4"

step "Killing gateway and Redis, and starting them again"
"${compose[@]}" kill -s KILL gateway redis
"${compose[@]}" up -d --no-build
for service in redis gateway; do
    until_true 90 is_healthy "$service" || fail "$service does not become healthy"
done
is_completed || fail "the video is gone: $(cat "$work/video.json")"
call "$base/videos/$id/content" | cmp - "$work/boat.mp4"

printf '\nAll is well.\n'
if [ -n "${KEEP:-}" ]; then
    echo "The gateway answers on $base; Ctrl-C ends it. DOCKER_HOST=$DOCKER_HOST"
    sleep infinity
fi
