# Built once, run as any process type: `medianest up` (all in one), or one of the Procfile's commands per container.
# Runs as any user (1000 by default) on a read-only root; it writes to /data, /media and /tmp only.

FROM python:3.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/medianest
ENV PATH=/opt/medianest/bin:$PATH
WORKDIR /srv/medianest
COPY requirements/build.txt requirements/base.txt requirements/
RUN pip install --no-deps --require-hashes -r requirements/build.txt \
    && pip install --no-deps --require-hashes -r requirements/base.txt
COPY . .
RUN pip install --no-deps --no-build-isolation --editable . \
    && pip uninstall --yes setuptools pip \
    && python -m compileall -q app config pipelines workers

FROM python:3.13-slim-bookworm
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="MediaNest" \
      org.opencontainers.image.description="A self-hosted companion for Plex" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg redis-server tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --home-dir /data --no-create-home --shell /usr/sbin/nologin medianest \
    && install --directory --owner=medianest --group=medianest --mode=0700 /data \
    && install --directory --owner=medianest --group=medianest --mode=0755 /media
COPY --from=build /opt/medianest /opt/medianest
COPY --from=build /srv/medianest /srv/medianest
ENV PATH=/opt/medianest/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    PYTHONUNBUFFERED=1 \
    PORT=8000 \
    MEDIANEST_HOST=0.0.0.0 \
    MEDIANEST_DATA_DIR=/data \
    MEDIANEST_MEDIA_DIR=/media \
    MEDIANEST_LOG=json
WORKDIR /srv/medianest
USER 1000:1000
VOLUME ["/data", "/media"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["medianest", "up"]
