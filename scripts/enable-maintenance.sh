#!/bin/sh
# Puts the maintenance page up: the front proxy serves it for as long as the flag file exists.
# The flag is tmp/maintenance.flag in this checkout; MAINTENANCE_FLAG names another file.
set -eu
checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
flag=${MAINTENANCE_FLAG:-$checkout/tmp/maintenance.flag}
if [ -e "$flag" ]; then
    echo "Maintenance is already on: $flag"
    exit 0
fi
mkdir -p -- "$(dirname -- "$flag")"
: >"$flag"
echo "Maintenance is on: $flag"
