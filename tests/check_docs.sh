#!/bin/sh
# A key of the configuration that is missing in the sample or in the documents fails. Usage: check_docs.sh BUILD
set -eu
build=${1:-${PLAZO_BUILD:-build}}
cd "$(dirname "$0")/.."
status=0

"$build/tests/config_keys" conf/plazod.yaml || status=1
"$build/tests/config_keys" | {
	bad=0
	while IFS="$(printf '\t')" read -r key rest; do
		if ! cat README.md conf/configuration.md | grep -qF "\`$key\`"; then
			echo "docs: the key $key is missing" >&2
			bad=1
		fi
	done
	exit $bad
} || status=1
# Told once: in the list of keys, and in its documentation.
twice=$("$build/tests/config_keys" | cut -f1 | sort | uniq -d; sed -n 's/^| `\([^`]*\)` .*/\1/p' conf/configuration.md | sort | uniq -d)
if [ -n "$twice" ]; then
	echo "docs: these keys are told twice:" $twice >&2
	status=1
fi
exit $status
