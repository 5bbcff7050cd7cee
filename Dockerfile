# Images by digest: what was looked at is what runs. `docker buildx imagetools inspect IMAGE:TAG` tells the digest of a newer one.
FROM rust:1.95-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
# Whom to trust when the identity provider is asked; a slim image trusts nobody.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/restricted-users /usr/local/bin/
RUN useradd --system --uid 10040 --create-home --home-dir /var/lib/restricted-users restricted-users
USER restricted-users
WORKDIR /var/lib/restricted-users
VOLUME /var/lib/restricted-users

# The portal listens to the world outside the container. So can the policy port, once RESTRICTED_USERS_MAIL_SERVER_NETWORKS
# says who may ask: then set RESTRICTED_USERS_POLICY_LISTEN=0.0.0.0:10040 too.
ENV RESTRICTED_USERS_LISTEN=0.0.0.0:8080
EXPOSE 8080 10040

# A slim image has no curl, but its bash can open a connection.
HEALTHCHECK --interval=10s --timeout=2s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]

ENTRYPOINT ["restricted-users"]
CMD ["serve"]
