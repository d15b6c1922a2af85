#!/bin/sh
# Refuses an include that goes up the layers, sideways between the edges or between the programs, or into the private
# headers of another layer; a library in base and core; and the clock, files and logging in core.
# With a directory as its argument it checks that tree: the test of this check plants faults in a copy.
set -eu
cd "${1:-$(dirname "$0")/..}"

find include src -name '*.[ch]' | sort | xargs grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null | awk '
BEGIN {
	split("base core config ingest store notify web daemon ctl", names)
	split("0 1 2 3 3 3 3 4 4", ranks)
	for (i in names)
		rank[names[i]] = ranks[i]
	n = split("assert ctype endian errno fcntl inttypes limits locale math pthread signal stdalign stdarg stdatomic " \
		  "stdbool stddef stdint stdio stdlib string strings syslog time unistd wchar " \
		  "emmintrin", libc)                     # the last one is the compiler, as stdint is
	for (i = 1; i <= n; i++)
		is_libc["<" libc[i] ".h>"] = 1
	n = split("fcntl locale pthread signal syslog time unistd", outside)
	for (i = 1; i <= n; i++)
		is_outside["<" outside[i] ".h>"] = 1
}
function refuse(why) {
	printf "%s:%s: %s: %s\n", file, line, what, why
	bad++
}
function exists(path,    rc, text) {
	rc = (getline text < path) >= 0
	close(path)
	return rc
}
{
	split($0, at, ":")
	file = at[1]; line = at[2]
	split(file, part, "/")
	layer = part[2]
	seen++
	if (!(layer in rank)) {
		what = file; refuse("no such layer"); next
	}
	if (!match($0, /[<"][^>"]+[>"]/)) {
		what = $0; refuse("not understood"); next
	}
	what = substr($0, RSTART, RLENGTH)
	name = substr(what, 2, length(what) - 2)
	if (substr(what, 1, 1) == "<") {
		if (rank[layer] > 1)
			next
		if (!(what in is_libc) && name !~ /^sys\//)
			refuse(layer " may use the C library alone")
		else if (layer == "core" && (what in is_outside || name ~ /^sys\//))
			refuse("core knows no clock, files, threads or logging")
		next
	}
	if (split(name, to, "/") == 1)
		next                            # beside the file, or it would not compile
	if (!(to[1] in rank)) {
		refuse("no such layer"); next
	}
	if (to[1] == layer)
		next
	if (rank[to[1]] > rank[layer])
		refuse("goes up, from " layer " to " to[1])
	else if (rank[to[1]] == rank[layer])
		refuse("goes sideways, from " layer " to " to[1])
	else if (!exists("include/" name))
		refuse("is private to " to[1])
	else if (layer == "core" && (name == "base/now.h" || name == "base/log.h"))
		refuse("core knows no clock, files, threads or logging")
}
END {
	if (!seen) {
		print "check_layers: found no includes at all"
		exit 1
	}
	printf "check_layers: %d includes, %d refused\n", seen, bad
	exit bad != 0
}'
