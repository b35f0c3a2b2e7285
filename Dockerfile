# The service without a database: it reads RCU_DATABASE_URL (see compose.yaml). Without that it
# runs its embedded PostgreSQL in /var/lib/rcu, which then should be a volume.

FROM python:3.13-slim-bookworm AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/rcu
ENV PATH=/opt/rcu/bin:$PATH

# The dependencies in a layer of their own: it is built again only when a lock file changes.
COPY requirements-build.lock requirements.lock ./
RUN pip install --require-hashes --only-binary=:all: --no-deps -r requirements-build.lock \
 && pip install --require-hashes --only-binary=:all: --no-deps -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY src src
RUN pip install --no-index --no-deps --no-build-isolation . \
 && pip uninstall --yes setuptools pip

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/rcu --create-home --shell /usr/sbin/nologin rcu \
 && chmod 0700 /var/lib/rcu
COPY --from=build /opt/rcu /opt/rcu
ENV PATH=/opt/rcu/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RCU_DATA_DIR=/var/lib/rcu/data \
    RCU_HOST=0.0.0.0 \
    RCU_PORT=8000
USER rcu
WORKDIR /var/lib/rcu
EXPOSE 8000
# SIGTERM ends it cleanly: the requests under way are finished first.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['RCU_PORT']}/healthz\", timeout=2)"]
ENTRYPOINT ["rcu"]
CMD ["serve"]
