# Muster's image: the program and the libraries it links to, as a user without rights, on a file system that may be
# read-only. A project folder is mounted at /project; what Muster writes goes to the four folders below it.
# `scripts/image-chroot` goes through these very lines where no Docker engine is to be had.
FROM rust:1.95-bookworm AS build
WORKDIR /src
# What the build needs is listed and installed by the same script as on any machine.
COPY scripts/setup scripts/setup
RUN scripts/setup build
COPY . .
RUN make build && install -D target/ship/muster /out/muster

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libgomp1 libssl3 libstdc++6 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin muster \
    && install -d -o muster -g muster /project/good-data /project/bad-data /project/feature-data /project/models
COPY --from=build /out/muster /usr/local/bin/muster
USER 10001:10001
WORKDIR /project
ENV MUSTER_PROJECT=/project
ENTRYPOINT ["muster"]
CMD ["serve"]
