#!/bin/bash
# Compiles each source that a list names, in its order, for every PostgreSQL in PREFIX: an extension with each major's pg_config, a library
# that extensions need with cmake, once, into PREFIX"libraries".
#   build-extensions.sh LIST [DIRECTORY]
# LIST: extensions.list; DIRECTORY: where archives may lie already, and are fetched to otherwise (default: a temporary one).
# PREFIX, before the major: default /usr/pgsql-.
set -euo pipefail

list=$(realpath "$1")
directory=${2:-$(mktemp -d)}
prefix=${PREFIX:-/usr/pgsql-}
libraries=${prefix}libraries
mkdir -p "$libraries"
cd "$directory"
# What is linked finds the libraries above without an environment.
export LDFLAGS="-Wl,-rpath,$libraries/lib" PKG_CONFIG_PATH="$libraries/lib/pkgconfig"

build_library() {
  cmake -S "$1" -B "$1/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$libraries" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_INSTALL_RPATH="$libraries/lib" -DBUILD_TESTING=OFF -DBUILD_SHARED_LIBS=ON -DBUILD_GEOSOP=OFF -DBUILD_BENCHMARKS=OFF -DBUILD_APPS=OFF \
    -DENABLE_TIFF=OFF -DENABLE_CURL=OFF
  cmake --build "$1/build" --parallel "$(nproc)"
  cmake --install "$1/build"
}

build_extension() {
  local config=$2/bin/pg_config
  rm -rf build
  cp -r "$1" build
  cd build
  if [ -x configure ]; then
    options=(--with-pgconfig="$config")
    # Of PostGIS: no rasters, which need GDAL; no updates from each of its 600 earlier versions.
    if [ -e postgis_config.h.in ]; then
      options+=(--without-raster --without-protobuf --without-sfcgal --without-address-standardizer --disable-extension-upgrades-install)
      if [ -x "$libraries/bin/geos-config" ]; then options+=(--with-geosconfig="$libraries/bin/geos-config"); fi
    fi
    ./configure --quiet "${options[@]}"
  fi
  # OPTFLAGS: pgvector would be compiled for the processor that builds, and not for every one of its kind.
  make --silent --jobs="$(nproc)" PG_CONFIG="$config" OPTFLAGS="" with_llvm=no
  make --silent PG_CONFIG="$config" OPTFLAGS="" with_llvm=no install
  cd ..
  rm -rf build
}

while read -r names sum source; do
  case $names in "" | "#"*) continue ;; esac
  archive=${source##*/}
  if [ ! -e "$archive" ]; then
    curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 5 --output "$archive" "$source"
  fi
  sha256sum --check --strict - <<< "$sum  $archive"
  rm -rf source
  mkdir source
  tar --extract --strip-components=1 --directory source --file "$archive"
  if [ -e source/configure ] || [ -e source/Makefile ]; then
    for postgres in "$prefix"[0-9]*; do
      build_extension source "$postgres"
      # A list that promises what its source does not have would be believed by who deploys.
      for name in ${names//,/ }; do
        ls "$("$postgres/bin/pg_config" --sharedir)/extension/$name.control" > /dev/null
      done
    done
  else
    build_library source
  fi
  rm -rf source "$archive"
done < "$list"

# What only compiling against PostgreSQL needs.
for postgres in "$prefix"[0-9]*; do
  rm -rf "$postgres"/include "$postgres"/lib/pgxs "$postgres"/lib/pkgconfig "$postgres"/lib/*.a "$postgres"/share/doc
done
rm -rf "$libraries"/include "$libraries"/lib/cmake "$libraries"/lib/pkgconfig "$libraries"/lib/*.a
find "$prefix"[0-9]*/bin "$prefix"[0-9]*/lib "$libraries" -type f -exec strip --strip-unneeded {} + 2> /dev/null || true
# Every module finds its libraries, or there is no image.
for module in "$prefix"[0-9]*/lib/*.so; do
  [ -e "$module" ] || continue
  missing=$(ldd "$module" | grep "not found" || true)
  if [ -n "$missing" ]; then
    echo "build-extensions.sh: $module needs what is missing: $missing" >&2
    exit 1
  fi
done
