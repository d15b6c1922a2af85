#!/bin/sh
# tests/check_layers.sh finds what it is there for: each fault is planted alone in a copy of the tree and must be refused.
set -eu
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
passed=0
failed=0

plant() {
	rm -rf "$copy/include" "$copy/src"
	cp -r include src "$copy"
	[ -z "$1" ] || printf '#include %s\n' "$2" >>"$copy/$1"
	if tests/check_layers.sh "$copy" >"$copy/said"; then found=no; else found=yes; fi
	if [ "$found" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$1 with $2: refused is $found, should be $3"
		cat "$copy/said"
	fi
}

plant '' '' no
plant src/base/buf.c '"core/event.h"' yes
plant src/base/buf.c '<event2/event.h>' yes
plant src/core/event.c '"config/config.h"' yes
plant src/core/event.c '"base/now.h"' yes
plant src/core/event.c '"base/log.h"' yes
plant src/core/event.c '<time.h>' yes
plant src/core/event.c '<sys/stat.h>' yes
plant src/config/load.c '"store/store.h"' yes
plant src/ingest/verify.c '"notify/notify.h"' yes
plant src/notify/sign.c '"core/clock.h"' yes
plant src/store/store.c '"web/route.h"' yes
plant include/store/store.h '"daemon/options.h"' yes
plant src/ctl/main.c '"daemon/options.h"' yes
plant src/ingest/verify.c '"base/now.h"' no
plant src/ctl/main.c '"notify/notify.h"' no
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
