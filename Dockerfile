# Linkhop in a container: one static program that runs as nobody's root and keeps its data in /var/lib/linkhop.
#
#   docker build --tag linkhop .
#   docker run --rm --volume linkhop:/var/lib/linkhop linkhop migrate up
#   docker run --detach --name linkhop --volume linkhop:/var/lib/linkhop --publish 127.0.0.1:8080:8080 linkhop
#   docker exec linkhop linkhop account create --name "Example Outfitters"

FROM rust:1.95.0-alpine AS build
# SQLite, the allocator and the cryptography of TLS are C.
# hadolint ignore=DL3018
RUN apk add --no-cache build-base
# The image's own: rust-toolchain.toml would have it fetch a formatter and a linter too.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# The image's target is musl, which links statically.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin linkhop && \
    cp target/release/linkhop /linkhop

FROM alpine:3.22
RUN adduser -D -H -u 10001 linkhop && \
    install -d -o linkhop -g linkhop -m 700 /var/lib/linkhop
COPY --from=build /linkhop /usr/local/bin/linkhop
USER 10001:10001
WORKDIR /var/lib/linkhop
ENV LINKHOP_DATABASE_URL=sqlite:///var/lib/linkhop/linkhop.db \
    LINKHOP_LISTEN=0.0.0.0:8080
VOLUME /var/lib/linkhop
EXPOSE 8080
# Whether it answers, not whether the database does: a restart mends nothing there, and forgets the links.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["linkhop"]
CMD ["serve"]
