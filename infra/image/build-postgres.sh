#!/bin/bash
# Builds each release of PostgreSQL that a list of SHA-256 sums names, from its sources, into /usr/pgsql-MAJOR. What extensions are compiled
# with stays there; build-extensions.sh takes it away.
#   build-postgres.sh LIST [DIRECTORY]
# LIST: lines of sha256sum; DIRECTORY: where sources may lie already, and are fetched to otherwise (default: a temporary one).
# PREFIX, before the major: default /usr/pgsql-.
set -euo pipefail

list=$(realpath "$1")
directory=${2:-$(mktemp -d)}
prefix=${PREFIX:-/usr/pgsql-}
cd "$directory"

while read -r sum archive; do
  release=${archive%.tar.bz2}
  version=${release#postgresql-}
  major=${version%%.*}
  if [ ! -e "$archive" ]; then
    curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 5 --output "$archive" \
      "https://ftp.postgresql.org/pub/source/v$version/$archive"
  fi
  sha256sum --check --strict - <<< "$sum  $archive"
  tar --extract --bzip2 --file "$archive"
  cd "$release"
  # What a source's data and contrib's extensions need to be restored; no procedural language but PL/pgSQL. zstd came with 15.
  options=(--with-icu --with-libxml --with-libxslt --with-lz4 --with-ssl=openssl --with-uuid=e2fs --without-readline)
  if [ "$major" -ge 15 ]; then options+=(--with-zstd); fi
  ./configure --quiet --prefix="$prefix$major" "${options[@]}" CFLAGS=-O2
  make --silent --jobs="$(nproc)" world-bin
  make --silent install-world-bin
  cd ..
  rm -rf "$release" "$archive"
done < "$list"
