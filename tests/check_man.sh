#!/bin/sh
# A command or option of the programs, or a key of the configuration, that the manual pages do not mention fails; so does an example that does
# not load, and a mistake that mandoc sees where there is one. Completion offers every command. Usage: check_man.sh BUILD
set -eu
build=${1:-${PLAZO_BUILD:-build}}
cd "$(dirname "$0")/.."
man=packaging/man
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fault() {
	echo "man: $1" >>"$work/faults"
}

"$build/plazoctl" --help >"$work/ctl"
sed -n 's/^  plazoctl \([a-z]*\( [a-z-][a-z-]*\)\{0,1\}\).*/\1/p' "$work/ctl" | sed 's/ *$//' >"$work/commands"
sed -n 's/^  \(-[a-z-]*\).*/\1/p' "$work/ctl" >"$work/options"
[ "$(wc -l <"$work/commands")" -ge 20 ] && [ "$(wc -l <"$work/options")" -ge 15 ] || fault "plazoctl --help is not what it was"
while read -r command; do
	grep -qE "^\.It Nm Cm $command( |\$)" $man/plazoctl.1 || fault "plazoctl.1: the command $command is missing"
	first=${command%% *}
	bash -c 'plazoctl() { "$0/plazoctl" "$@"; }; . packaging/completions/plazoctl.bash; COMP_WORDS=(plazoctl "$1"); COMP_CWORD=1; _plazoctl; echo "${COMPREPLY[*]}"' \
		"$build" "$first" | grep -qw -- "$first" || fault "completion does not know $first"
done <"$work/commands"
while read -r option; do
	grep -qE "^\.It Fl ${option#-}( |\$)" $man/plazoctl.1 || fault "plazoctl.1: the option $option is missing"
done <"$work/options"

"$build/plazod" --help | grep -oE '^ +(-[a-zA-Z], )?(--[a-z-]+)' | grep -oE -- '-[a-zA-Z-]+' >"$work/daemon"
[ "$(wc -l <"$work/daemon")" -ge 10 ] || fault "plazod --help is not what it was"
while read -r option; do
	grep -qE "^\.It .*Fl ${option#-}( |\$)" $man/plazod.8 || fault "plazod.8: the option $option is missing"
done <"$work/daemon"

for status in $(sed -n 's/^exit status: //p' "$work/ctl" | grep -oE '[0-9]+'); do
	grep -q "^\.It $status\$" $man/plazoctl.1 || fault "plazoctl.1: the exit status $status is missing"
done

"$build/plazoctl" config keys | cut -f 1 | sort -u >"$work/keys"
[ "$(wc -l <"$work/keys")" -ge 100 ] || fault "plazoctl config keys is not what it was"
tr ' ' '\n' <$man/plazod.yaml.5 >"$work/words"
while read -r key; do
	grep -qFx -- "$key" "$work/words" || fault "plazod.yaml.5: the key $key is missing"
done <"$work/keys"

# The first example is a whole configuration.
awk '/^\.Bd/ { n++; next } /^\.Ed/ { if (n == 1) exit; next } n == 1' $man/plazod.yaml.5 >"$work/first.yaml"
"$build/plazoctl" check -c "$work/first.yaml" >"$work/check" 2>&1 || fault "plazod.yaml.5: $(cat "$work/check")"

twice=$(grep -hE '^\.It (Nm|Fl)' $man/plazoctl.1 | sort | uniq -d; grep '^\.It Ic' $man/plazod.yaml.5 | sort | uniq -d)
[ -z "$twice" ] || fault "twice in a manual page: $twice"

if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning $man/*.[158] >"$work/lint" || fault "$(cat "$work/lint")"
fi
if [ -e "$work/faults" ]; then
	cat "$work/faults" >&2
	exit 1
fi
