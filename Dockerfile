# For users with Docker: an image that Kestra's tasks run in, and `docker run` runs `etl` in.
# It has what drivers need of Debian, and the package's dependencies, so that a task installs its wheel
# in seconds. Build it in the project's directory:
#
#   docker build --tag data-orchestration:0.1.0 .
#
# and name it in config.yaml: `kestra: {image: data-orchestration:0.1.0}` (docs/operations.md).
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /build
COPY pyproject.toml README.md ./
COPY etl ./etl
COPY config ./config
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /build/dist .

FROM ${BASE_IMAGE}
# The ODBC manager, and the libraries that Microsoft's driver opens; the driver comes in a wheel.
RUN apt-get update \
    && apt-get install -y --no-install-recommends unixodbc libltdl7 libkrb5-3 libgssapi-krb5-2 \
    && rm -rf /var/lib/apt/lists/*
ARG EXTRAS=mssql,postgres
# The versions of requirements/all.txt, without its hashes: the wheel made here has none there.
COPY requirements /tmp/requirements
COPY --from=build /build/dist /tmp/dist
RUN sed -e 's/ \\$//' -e '/--hash=/d' /tmp/requirements/all.txt > /tmp/constraints.txt \
    && python -m pip install --no-cache-dir --constraint /tmp/constraints.txt \
        "$(echo /tmp/dist/*.whl)[${EXTRAS}]" \
    && rm -rf /tmp/dist /tmp/requirements /tmp/constraints.txt
RUN useradd --create-home --uid 10001 etl
USER etl
WORKDIR /home/etl
# `docker run --rm --volume "$PWD/config.yaml:/home/etl/config.yaml:ro" data-orchestration:0.1.0 etl check`
CMD ["etl", "--help"]
