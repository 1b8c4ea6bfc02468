#!/bin/sh
# Leaves of the native modules in a node_modules folder what a running node needs, and their licences:
# 580 MB of sources and intermediate files become 20.
set -eu
cd "${1:?the node_modules folder}"

keep() { # module, files and folders inside it
  module=$1
  shift
  mkdir "$module.slim"
  (cd "$module" && cp -a --parents "$@" "../$module.slim/")
  rm -rf "$module"
  mv "$module.slim" "$module"
}

keep node-rdkafka package.json LICENSE.txt librdkafka.js lib \
  build/Release/node-librdkafka.node \
  build/deps/librdkafka.so.1 build/deps/librdkafka++.so.1 \
  deps/librdkafka/LICENSES.txt

# A prebuilt file where there is one for this platform, else what the install has compiled.
case $(uname -m) in
  x86_64) platform=linux-x64 ;;
  aarch64) platform=linux-arm64 ;;
  *) platform=none ;;
esac
if [ -d "rocksdb/prebuilds/$platform" ]; then
  binary=$(find "rocksdb/prebuilds/$platform" -name '*.glibc.node')
else
  binary=$(find rocksdb/build/Release -maxdepth 1 -name '*.node')
fi
(
  cd rocksdb
  find . -maxdepth 1 -name '*.js' -exec basename {} \; >.keep
)
# shellcheck disable=SC2046 # file names of the module: no blanks in them
keep rocksdb package.json LICENSE deps/rocksdb/rocksdb/LICENSE.Apache \
  $(cat rocksdb/.keep) "${binary#rocksdb/}"

find node-rdkafka rocksdb -name '*.node' -exec strip --strip-unneeded {} +
find node-rdkafka -name '*.so.1' -exec strip --strip-unneeded {} +
