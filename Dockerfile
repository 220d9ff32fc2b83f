# The image of the action: the binary, its four libraries, two names for the stages of the action, and nothing else.
#
#   docker build -t deploy-guard .                                  compiles
#   docker build -t deploy-guard --build-arg BINARY=prebuilt .      takes dist/<amd64|arm64>/deploy-guard
#
# Every base is a build argument, so that a mirror or a stand-in serves as well; all of them must be of one Debian
# release, for the libraries in the image are those the binary was linked against.

ARG RUST_IMAGE=docker.io/library/rust:1.95.0-bookworm
ARG RUNTIME_IMAGE=docker.io/library/debian:bookworm-slim
ARG BINARY=compiled

FROM ${RUST_IMAGE} AS compiled
WORKDIR /build
# The same sources give the same binary: no path of this machine, no time, nothing incremental.
ENV CARGO_INCREMENTAL=0 \
    CFLAGS="-ffile-prefix-map=/build=. -ffile-prefix-map=/usr/local/cargo=cargo" \
    RUSTFLAGS="--remap-path-prefix=/build=. --remap-path-prefix=/usr/local/cargo=cargo" \
    SOURCE_DATE_EPOCH=0
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
# This layer holds the compiled dependencies; it is built anew only when one of them changes. Cargo wants every target
# that the manifest names to be there.
RUN sed -n 's/^path = "\(.*\)"$/\1/p' Cargo.toml > targets \
    && while read -r target; do \
        mkdir -p "$(dirname "$target")" && echo 'fn main() {}' > "$target"; \
    done < targets \
    && touch src/lib.rs \
    && cargo build --release --locked \
    && rm -r src
COPY src src
# The schemas that the program prints.
COPY docs/*.schema.json docs/
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked \
    && cp target/release/deploy-guard /deploy-guard

FROM ${RUNTIME_IMAGE} AS prebuilt
ARG TARGETARCH
COPY dist/${TARGETARCH}/deploy-guard /deploy-guard

# hadolint ignore=DL3006
FROM ${BINARY} AS binary

FROM ${RUNTIME_IMAGE} AS assemble
COPY --from=binary /deploy-guard /image/deploy-guard
# The loader and the libraries stand where the loader looks for them without a cache. The two other names are what
# `entrypoint` and `post-entrypoint` of action.yml start: the binary goes by the name that it is started with. What
# packages the libraries are from is said where scanners for known faults look, with their licences.
RUN chmod 0755 /image/deploy-guard \
    && ldd /image/deploy-guard > /libraries \
    && awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' /libraries > /paths \
    && xargs -a /paths cp -L --parents -t /image \
    && ln -s deploy-guard /image/deploy-guard-main \
    && ln -s deploy-guard /image/deploy-guard-post \
    && for package in libc6 libgcc-s1; do \
        mkdir -p /image/var/lib/dpkg/status.d "/image/usr/share/doc/$package" \
        && dpkg -s "$package" > "/image/var/lib/dpkg/status.d/$package" \
        && cp -L "/usr/share/doc/$package/copyright" "/image/usr/share/doc/$package/"; \
    done \
    && mkdir -m 1777 /image/tmp \
    && mkdir /image/etc \
    && echo 'hosts: files dns' > /image/etc/nsswitch.conf

# No shell, no package manager, no certificates (they are in the binary, as time zones are), and no USER: GitHub runs
# container actions as root, for workspace and file commands belong to another user on each runner.
FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="deploy-guard" \
      org.opencontainers.image.description="Makes production deployments safe: lock, record, watch, judge, restore, tell" \
      org.opencontainers.image.source="https://github.com/hanbit/deploy-guard" \
      org.opencontainers.image.documentation="https://github.com/hanbit/deploy-guard#readme" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=assemble /image/ /
ENTRYPOINT ["/deploy-guard"]
