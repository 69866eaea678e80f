#!/bin/sh
# Takes the maintenance page down by removing the flag file that the front proxy looks at.
# The flag is tmp/maintenance.flag in this checkout; MAINTENANCE_FLAG names another file.
set -eu
checkout=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
flag=${MAINTENANCE_FLAG:-$checkout/tmp/maintenance.flag}
if [ ! -e "$flag" ]; then
    echo "Maintenance is already off: $flag isn't there"
    exit 0
fi
rm -f -- "$flag"
echo "Maintenance is off: $flag is removed"
