#!/bin/sh
# Every header compiles alone, with gcc and, where there is one, clang; its guard is its path in capitals.
set -eu
cd "$(dirname "$0")/.."

flags="-std=c17 -D_GNU_SOURCE -DPLAZO_VERSION=\"check\" -Wall -Wextra -Werror -fsyntax-only -Iinclude -Isrc"
flags="$flags $(pkg-config --cflags libevent libcurl yaml-0.1 libsystemd hiredis sqlite3 libical libcrypto)"
if pkg-config --exists libllhttp; then
	flags="$flags $(pkg-config --cflags libllhttp)"
else
	flags="$flags -I/usr/include/llhttp"
fi
checked=0
bad=0
for header in $(find include src -name '*.h' | sort); do
	checked=$((checked + 1))
	name=${header#*/}
	guard=PLAZO_$(printf '%s' "$name" | tr 'a-z/.-' 'A-Z___')
	case $header in src/*) guard="PLAZO_(SRC_)?${guard#PLAZO_}" ;; esac
	if ! grep -Eq "^#define $guard\$" "$header"; then
		echo "$header: the guard is not $guard"
		bad=$((bad + 1))
	fi
	for cc in gcc clang; do
		command -v "$cc" >/dev/null || continue
		# shellcheck disable=SC2086
		if ! printf '#include "%s"\n' "$name" | "$cc" $flags -I"$(dirname "$header")" -x c -; then
			echo "$header: does not compile alone with $cc"
			bad=$((bad + 1))
		fi
	done
done
echo "check_headers: $checked headers, $bad faults"
[ "$checked" -gt 0 ] && [ "$bad" -eq 0 ]
