#!/usr/bin/env bash
# Write the exact packages of each environment beside its file, <name>.linux-64.pin.txt: `snakemake --use-conda` then
# takes them. Needs conda. An environment with a pip section has no pins: Snakemake would leave out what pip brings.
set -euo pipefail
cd "$(dirname "$0")"
for file in *.yaml; do
  name=${file%.yaml}
  if grep -q -- '- pip:' "$file"; then
    echo "$file: has a pip section, so it is not pinned"
    continue
  fi
  prefix=$(mktemp -d)
  conda env create --quiet --file "$file" --prefix "$prefix/env"
  conda list --explicit --prefix "$prefix/env" > "$name.linux-64.pin.txt"
  rm -rf "$prefix"
  echo "$name.linux-64.pin.txt is written"
done
