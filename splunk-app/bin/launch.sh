#!/bin/sh
# Starts the input on the runtime beside it. No external command runs before the environment of splunkd, whose libraries would shadow the system's, is gone.
unset LD_LIBRARY_PATH DYLD_LIBRARY_PATH NODE_OPTIONS NODE_PATH OPENSSL_CONF OPENSSL_MODULES
# One arena of malloc for all threads, which allocate little: an idle input is a MiB smaller.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
case $0 in
  */*) here=${0%/*} ;;
  *) here=. ;;
esac
exec "$here/node" "$here/../../bin/kinloader.cjs" "$@"
