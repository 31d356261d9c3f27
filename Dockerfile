# syntax=docker/dockerfile:1
# The image is the Debian package, installed: what runs in a container is what runs on a machine.

FROM debian:12-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends \
        build-essential ca-certificates cmake dpkg-dev file ninja-build pkg-config \
        libcjson-dev libcsv-dev libcurl4-openssl-dev libgnutls28-dev libmicrohttpd-dev libpaho-mqtt-dev libsqlite3-dev libssl-dev \
        libsystemd-dev libunistring-dev libxxhash-dev libzstd-dev zlib1g-dev \
        nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The page's packages change less often than the sources: a layer of their own.
COPY collector/web/package.json collector/web/package-lock.json collector/web/.npmrc collector/web/
RUN cd collector/web && npm ci
COPY . .
RUN cd collector/web && npm run build
RUN cmake --preset release -DEDUTALLY_TESTS=OFF && cmake --build --preset release && cd build/release && cpack -G DEB

FROM debian:12-slim
# A fixed number, so that volumes and secrets can be given to it; the package's own script then finds the user there.
RUN groupadd --system --gid 10001 edutally \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/edutally --no-create-home --shell /usr/sbin/nologin edutally
COPY --from=build /src/build/release/edutally_*.deb /tmp/
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates /tmp/edutally_*.deb \
    && rm -rf /var/lib/apt/lists/* /tmp/edutally_*.deb
USER 10001:10001
VOLUME /var/lib/edutally
EXPOSE 8080
# Alive; whether it is connected to the broker as well is /readyz. The image has no HTTP client, but bash.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["/usr/bin/edutally"]
CMD ["run", "--config", "/etc/edutally/collector.jsonc"]
