# The containers' image: the functions that need PostgreSQL's programs, for Fargate (arm64). docs/deploy.md, "Containers for large databases", says
# how to build it without Docker at hand. Lambda's functions have a layer instead (scripts/layer).
#   docker build --platform linux/arm64 --tag REPOSITORY:TAG .
# The base is the tag that AWS patches; what is deployed is named by this image's own digest. For the same base in every build:
#   --build-arg BASE=public.ecr.aws/lambda/nodejs:24@sha256:...
ARG BASE=public.ecr.aws/lambda/nodejs:24
# What compiles: the same system without Lambda's own parts. Lambda's bases have openssl-snapsafe-libs, which conflicts with openssl-libs, and
# openssl-devel asks for that.
ARG BUILD_BASE=public.ecr.aws/amazonlinux/amazonlinux:2023

# PostgreSQL, all supported majors side by side where PGDG puts them, from its own sources, each compared with its SHA-256. Amazon Linux 2023's
# packages put every major into /usr/bin and know no 14; PGDG's packages for RHEL 9 want an OpenLDAP 2.6 that it lacks.
FROM ${BUILD_BASE} AS postgres
# Amazon Linux 2023 locks its repositories to the release of the base: it is the version of every package.
# hadolint ignore=DL3041
RUN dnf install -y --nodocs --setopt=install_weak_deps=0 \
      bison bzip2 cmake findutils flex gcc gcc-c++ gzip json-c-devel libicu-devel libuuid-devel libxml2-devel libxslt-devel libzstd-devel \
      lz4-devel make openssl-devel perl pkgconf-pkg-config sqlite sqlite-devel tar which xz zlib-devel \
    && dnf clean all
COPY infra/image/build-postgres.sh infra/image/postgres.sha256 /build/
RUN /build/build-postgres.sh /build/postgres.sha256
# Extensions beyond PostgreSQL's own, for each major: what the list names.
COPY infra/image/build-extensions.sh infra/image/extensions.list /build/
RUN /build/build-extensions.sh /build/extensions.list

# The functions, bundled as `osls package` bundles them.
FROM ${BASE} AS functions
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts/bundle-functions.ts scripts/
COPY infra/esbuild.yml infra/
COPY functions functions
COPY src src
RUN node scripts/bundle-functions.ts /bundles dump prove restore safeguard fargate

FROM ${BASE}
# What PostgreSQL's programs and extensions load but for OpenSSL, which the base brings along, and every locale: a restore test creates its database with the source's own.
# hadolint ignore=DL3041
RUN dnf install -y --nodocs --setopt=install_weak_deps=0 \
      glibc-all-langpacks json-c libicu libstdc++ libuuid libxml2 libxslt libzstd lz4-libs sqlite-libs zlib \
    && dnf clean all \
    && rm -rf /var/cache/dnf /var/log/dnf*
# Lambda's user, for Fargate too: initdb asks for its name.
RUN case "$(cat /etc/passwd)" in *:993:*) ;; *) printf 'sbx_user1051:x:993:990::/tmp:/sbin/nologin\n' >> /etc/passwd ;; esac
COPY --from=postgres /usr/pgsql-14 /usr/pgsql-14
COPY --from=postgres /usr/pgsql-15 /usr/pgsql-15
COPY --from=postgres /usr/pgsql-16 /usr/pgsql-16
COPY --from=postgres /usr/pgsql-17 /usr/pgsql-17
COPY --from=postgres /usr/pgsql-18 /usr/pgsql-18
# What extensions need beside the system's libraries; empty where none does.
COPY --from=postgres /usr/pgsql-libraries /usr/pgsql-libraries
COPY --from=functions /bundles /var/task
# RDS's authorities, where the layer has them too (docs/network.md, "RDS"): AWS keeps the file up to date.
ADD --chmod=644 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /opt/global-bundle.pem
# Every program finds its libraries, and every bundle parses; or there is no image.
RUN set -e; \
    for program in postgres initdb pg_ctl pg_dump pg_dumpall pg_restore psql; do \
      for directory in /usr/pgsql-*; do "$directory/bin/$program" --version; done; \
    done; \
    for bundle in /var/task/*.mjs; do node --check "$bundle"; done
# The only place that can be written to; the AWS SDK looks for its configuration below it.
ENV HOME=/tmp
USER 993:990
# Each function names its own handler (infra/functions.ts); a Fargate task runs `node /var/task/fargate.mjs`.
CMD ["prove.handler"]
