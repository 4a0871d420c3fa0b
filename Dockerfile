# The gateway in a small image: `docker build -t sora-gateway .`
# Builds with BuildKit and with the classic builder. Any Debian with Python 3.11 or newer can be the base.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
# Where pip finds packages, should it not be the public index. They do not reach the final image.
ARG PIP_INDEX_URL
ARG PIP_FIND_LINKS
ARG PIP_NO_INDEX
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
SHELL ["/bin/sh", "-eu", "-c"]
WORKDIR /src
RUN python3 -m venv /opt/sora-gateway
# Dependencies first: this layer is kept as long as pyproject.toml stays the same.
COPY pyproject.toml ./
RUN python3 -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
    && /opt/sora-gateway/bin/pip install -r requirements.txt
COPY README.md LICENSE ./
COPY src src
RUN /opt/sora-gateway/bin/pip install --no-deps .

FROM ${PYTHON_IMAGE}
# A font with Chinese, for the prompts in the pictures of `sora-gateway simulate`.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-wqy-microhei \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 gateway \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway -m 0700 /data
COPY --from=build /opt/sora-gateway /opt/sora-gateway
ENV PATH=/opt/sora-gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SORA_GATEWAY_HOST=0.0.0.0 \
    SORA_GATEWAY_PORT=8000 \
    SORA_GATEWAY_DATA_DIR=/data \
    SORA_GATEWAY_LOG_FORMAT=json
# Results, the secret key and, without REDIS_URL, the embedded store.
VOLUME /data
WORKDIR /data
EXPOSE 8000
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"SORA_GATEWAY_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["sora-gateway"]
CMD ["serve"]
