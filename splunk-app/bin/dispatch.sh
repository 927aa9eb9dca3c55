#!/bin/sh
# Starts the input on the runtime for this host, or says why there is none. Where splunkd knows a folder for its platform, it takes the launcher there, which starts the same program.
package='@PACKAGE@'
unset LD_LIBRARY_PATH DYLD_LIBRARY_PATH NODE_OPTIONS NODE_PATH OPENSSL_CONF OPENSSL_MODULES
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
mode=${1:-run}
case $0 in
  */*) here=${0%/*} ;;
  *) here=. ;;
esac

fail() {
  trap 'kill "$!" 2>/dev/null; exit 1' TERM INT
  echo "ERROR kinloader: $1" >&2
  # A run that ends is started again at once, which would fill splunkd's log.
  if [ "$mode" = run ]; then
    PATH="${PATH:+$PATH:}/usr/bin:/bin"
    sleep 30 >/dev/null 2>&1 &
    wait "$!"
  fi
  exit 1
}

if [ "$package" = slim ]; then
  remedy='name one with KINLOG_NODE in splunk-launch.conf, or install a package with a runtime inside'
  node=${KINLOG_NODE:-$(command -v node)} || fail "this package needs Node.js @NODE@ or later, and there is no node in PATH: $remedy"
  [ -f "$node" ] && [ -x "$node" ] || fail "$node is not a program: $remedy"
  exec "$node" "$here/slim.cjs" "$@"
fi

host=$(PATH="${PATH:+$PATH:}/usr/bin:/bin" && uname -s -m 2>/dev/null) || fail 'the platform of this host is unknown: uname is not in PATH'
case $host in
  'Linux x86_64') folder=linux_x86_64 wanted=linux-x86_64 ;;
  'Linux aarch64') folder=linux_arm64 wanted=linux-arm64 ;;
  'Darwin x86_64') folder=darwin_x86_64 wanted=darwin ;;
  'Darwin arm64') folder=darwin_arm64 wanted=darwin ;;
  *) fail "this package is for $package, this host is $host: there is no package for it" ;;
esac
[ -f "$here/../$folder/bin/kinesis_log.sh" ] ||
  fail "this package is for $package, this host is $wanted: install kinloader-$wanted.tar.gz"
exec "$here/../$folder/bin/kinesis_log.sh" "$@"
