# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
# a C compiler for two dependencies (zstd, ring)
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Cargo compares modification times: a file from an unpacked archive may be older than the cache.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    touch build.rs src/lib.rs src/main.rs && cargo build --profile dist --locked && cp target/dist/fortnight /fortnight

# Postgres is not included: set DATABASE_URL, as docker-compose.yml does. Its client programs, for backups, are of the
# version in docker-compose.yml. Nothing is written but to /data, /backups and /tmp.
FROM debian:trixie-slim AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl postgresql-client tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin fortnight \
    && install -d -o fortnight -g fortnight -m 0700 /data /backups
# a number, so that Kubernetes knows that it is not root
USER 10001
ENV FORTNIGHT_LISTEN=0.0.0.0:8042 \
    FORTNIGHT_DATA_DIR=/data
VOLUME /data /backups
EXPOSE 8042
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["curl", "-fsS", "http://127.0.0.1:8042/healthz"]
ENTRYPOINT ["fortnight"]
CMD ["serve"]

# for releases, whose programs are built already: docker build --target release
FROM base AS release
ARG TARGETARCH
COPY --chmod=755 dist/${TARGETARCH}/fortnight /usr/local/bin/fortnight

FROM base
COPY --from=build /fortnight /usr/local/bin/fortnight
