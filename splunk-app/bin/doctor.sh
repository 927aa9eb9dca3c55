#!/bin/sh
# Looks at this host for what keeps events from arriving, and changes nothing: kinlog_doctor.sh --help.
package='@PACKAGE@'
unset LD_LIBRARY_PATH DYLD_LIBRARY_PATH NODE_OPTIONS NODE_PATH OPENSSL_CONF OPENSSL_MODULES
PATH="${PATH:+$PATH:}/usr/bin:/bin"
case $0 in
  /*) here=${0%/*} ;;
  */*) here=$PWD/${0%/*} ;;
  *) here=$PWD ;;
esac

# 100: it could not look.
fail() {
  echo "kinlog_doctor: $1" >&2
  exit 100
}

if [ "$package" = slim ]; then
  remedy='name one of version @NODE@ or later with KINLOG_NODE'
  node=${KINLOG_NODE:-$(command -v node)} || fail "there is no node in PATH: $remedy"
  # An older one than inputs need can still tell that.
  "$node" -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || fail "$node is no Node.js, or too old: $remedy"
else
  case $(uname -s -m) in
    'Linux x86_64') folder=linux_x86_64 ;;
    'Linux aarch64') folder=linux_arm64 ;;
    'Darwin x86_64') folder=darwin_x86_64 ;;
    'Darwin arm64') folder=darwin_arm64 ;;
    *) folder=none ;;
  esac
  node=$here/../$folder/bin/node
  [ -x "$node" ] || fail "this package is for $package and does not run on this host ($(uname -s -m)), or its runtime can not be executed"
fi
exec "$node" "$here/doctor.cjs" "$@"
