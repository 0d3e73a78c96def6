#!/bin/sh
# Writes the C of the charts that the pilot board runs: firmware/charts.sh FOLDER. Needs `engine` (pip install .) on the PATH,
# or ENGINE set to it. Fails, and leaves no half of it behind, when a chart cannot be exported.
set -eu
folder=${1:?"usage: firmware/charts.sh FOLDER"}
cd "$(dirname "$0")/.."
mkdir -p "$folder"
for chart in evse firmware; do
    rm -f "$folder/pilot_$chart.c" "$folder/pilot_$chart.h"
    "${ENGINE:-engine}" export "machines/pilot/$chart.yaml" --to c -o "$folder"
    for made in "$folder/pilot_$chart.c" "$folder/pilot_$chart.h"; do
        [ -s "$made" ] || { echo "$made was not made" >&2; exit 1; }
    done
done
