/*
 * Wrong configurations, and the first thing that is said of each: the exact sentence at the exact place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "config/config.h"

#define CALENDARS "calendars: {always: 24x7, c: {zone: Europe/Madrid, hours: {mon-fri: \"09:00-17:00\"}}}\n"
#define DEFAULTS CALENDARS "defaults: {calendar: c}\n"
#define POLICY DEFAULTS "policies: {p: {metrics: {resolution: {target: 4h}}}}\n"
#define RECEIVERS POLICY "receivers: {r: {log: {}}, s: {log: {}}}\n"
#define CONTRACT RECEIVERS "contracts: {k: {policy: p}}\n"

static const struct config_options options = { .now = { INT64_C(1795305600000) }, .secrets = SECRETS_SKIP };   /* 2026-11-22 */

static const struct {
	const char *text, *first;
	size_t      n_errors;
} bad[] = {
	{ "",
	  "1:1: error: there is nothing in it", 1 },
	{ "# nothing\n",
	  "1:1: error: there is nothing in it", 1 },
	{ "[]\n",
	  "1:1: error: the configuration must be a map of sections, not a list", 1 },
	{ "hello\n",
	  "1:1: error: the configuration must be a map of sections", 1 },
	{ "a: b: c\n",
	  "1:5: error: mapping values are not allowed in this context", 1 },
	{ "a: [1\n",
	  "2:1: error: did not find expected ',' or ']' while parsing a flow sequence", 1 },
	{ "\tserver: {}\n",
	  "1:1: error: found character that cannot start any token while scanning for the next token", 1 },
	{ "server: {}\nserver: {}\n",
	  "2:1: error: the key 'server' stands twice, first in line 1", 1 },
	{ "server: &a {}\n",
	  "1:9: error: anchors (&), aliases (*) and tags (!) are not allowed: put the text in quotes, or say it in full", 1 },
	{ "server: *a\n",
	  "1:9: error: anchors (&), aliases (*) and tags (!) are not allowed: put the text in quotes, or say it in full", 1 },
	{ "server: !!map {}\n",
	  "1:9: error: anchors (&), aliases (*) and tags (!) are not allowed: put the text in quotes, or say it in full", 1 },
	{ "%TAG ! tag:x,2000:\n---\nserver: {}\n",
	  "1:1: error: anchors (&), aliases (*) and tags (!) are not allowed: put the text in quotes, or say it in full", 1 },
	{ "server: {<<: {}}\n",
	  "1:10: error: merge keys (<<) are not allowed: say it in full", 1 },
	{ "server: {}\n---\nstore: {}\n",
	  "2:1: error: a second document begins here: one file holds one", 1 },
	{ "? [a]\n: b\n",
	  "1:3: error: a key must be a plain word or a quoted text", 1 },
	{ "[[[[[[[[[[[[[[[[[",
	  "1:17: error: nested deeper than 16 levels", 1 },
	{ "{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: ",
	  "1:65: error: nested deeper than 16 levels", 1 },
	{ "store: {path: \"a\\0b\"}\n",
	  "1:15: error: a NUL character stands in this text", 1 },
	{ "srver: {}\n",
	  "1:1: error: unknown key 'srver' in the configuration, did you mean 'server'?", 1 },
	{ "zebra: 1\n",
	  "1:1: error: unknown key 'zebra' in the configuration", 1 },
	{ "server: {lisen: 127.0.0.1:1}\n",
	  "1:10: error: unknown key 'lisen' in server, did you mean 'listen'?", 1 },
	{ "server: []\n",
	  "1:9: error: server must be a map, not a list", 1 },
	{ "server:\n",
	  "1:8: error: server has no value: it takes a map", 1 },
	{ "server: ~\n",
	  "1:9: error: server has no value: it takes a map", 1 },
	{ "server: {listen: 80}\n",
	  "1:18: error: server.listen: '80': must be an address such as 127.0.0.1:8970, [::1]:8970 or unix:/run/plazo/http.sock", 1 },
	{ "server: {listen: 127.0.0.1:70000}\n",
	  "1:18: error: server.listen: '127.0.0.1:70000': must be an address such as 127.0.0.1:8970, [::1]:8970 or unix:/run/plazo/http.sock", 1 },
	{ "server: {listen: unix:relative}\n",
	  "1:18: error: server.listen: 'unix:relative': unix: is followed by an absolute path of at most 107 bytes", 1 },
	{ "server: {listen: \"127.0.0.1:8\", metrics: \"127.0.0.1:8\"}\n",
	  "1:42: error: the same address as server.listen: leave it out, or name another", 1 },
	{ "server: {public_url: ftp://x}\n",
	  "1:22: error: server.public_url: 'ftp://x': must be a URL such as https://ops.example.com/hook", 1 },
	{ "server: {public_url: \"https://u:p@x\"}\n",
	  "1:22: error: server.public_url: a URL has no user or password in it: use the keys for those", 1 },
	{ "server: {limits: {body: 1MB}}\n",
	  "1:25: error: server.limits.body: '1MB': must be a size such as 512KiB or 1MiB, at most 1GiB", 1 },
	{ "server: {limits: {body: 010}}\n",
	  "1:25: error: server.limits.body: '010': must be a size such as 512KiB or 1MiB, at most 1GiB", 1 },
	{ "server: {limits: {connections: 1_000}}\n",
	  "1:32: error: server.limits.connections: '1_000': must be a whole number from 1 to 1000000", 1 },
	{ "server: {limits: {connections: 0x10}}\n",
	  "1:32: error: server.limits.connections: '0x10': must be a whole number from 1 to 1000000", 1 },
	{ "server: {limits: {connections: 1e3}}\n",
	  "1:32: error: server.limits.connections: '1e3': must be a whole number from 1 to 1000000", 1 },
	{ "server: {limits: {max_skew: 5}}\n",
	  "1:29: error: server.limits.max_skew: \"5\" is not a duration: write it like 10s, 5m, 36h, 14d or 3y", 1 },
	{ "server: {operators: {a: {may: [read]}}}\n",
	  "1:22: error: server.operators.a has no 'token': what it sends as Authorization: Bearer", 1 },
	{ "server: {operators: {a: {token: {env: T}, may: [write]}}}\n",
	  "1:49: error: server.operators.a.may must be read or act, not 'write'", 1 },
	{ "server: {operators: {a: {token: {env: T}, may: []}}}\n",
	  "1:48: error: server.operators.a.may must not be empty: it takes read, act, or both", 1 },
	{ "server: {operators: {a: {token: {env: T, file: x}, may: read}}}\n",
	  "1:33: error: a secret is one of {file: PATH}, {credential: NAME} and {env: NAME}", 1 },
	{ "store: {retention: 3 years}\n",
	  "1:20: error: store.retention: \"3 years\" is not a duration: write it like 10s, 5m, 36h, 14d or 3y", 1 },
	{ "store: {retention: 0s}\n",
	  "1:20: error: store.retention: '0s': must be more than 0", 1 },
	{ "store: {path: [a]}\n",
	  "1:15: error: store.path must be a path, not a list", 1 },
	{ "calendars: {c: 24x5}\n",
	  "1:16: error: calendars.c: '24x5': must be 24x7, or a map with zone and hours", 1 },
	{ "calendars: {c: yes}\n",
	  "1:16: error: calendars.c: 'yes': must be 24x7, or a map with zone and hours", 1 },
	{ "calendars:\n  c:\n    hours: 24x7\n",
	  "2:3: error: calendars.c has no 'zone': IANA name of the time zone", 1 },
	{ "calendars:\n  c:\n    zone: Europe/Madrid\n",
	  "2:3: error: calendars.c has no 'hours': windows [from, to) by day; to may be 24:00; 22:00-06:00 crosses midnight", 1 },
	{ "calendars:\n  c:\n    zone: Europe/Madird\n    hours: 24x7\n",
	  "3:11: error: there is no time zone 'Europe/Madird', did you mean 'Europe/Madrid'?", 1 },
	{ "calendars:\n  c:\n    zone: Madrid\n    hours: 24x7\n",
	  "3:11: error: there is no time zone 'Madrid', did you mean 'Europe/Madrid'?", 1 },
	{ "calendars:\n  c:\n    zone: ../../etc/passwd\n    hours: 24x7\n",
	  "3:11: error: there is no time zone '../../etc/passwd'", 1 },
	{ "calendars:\n  c:\n    zone: /etc/passwd\n    hours: 24x7\n",
	  "3:11: error: there is no time zone '/etc/passwd'", 1 },
	{ "calendars:\n  c:\n    zone: Europe\n    hours: 24x7\n",
	  "3:11: error: there is no time zone 'Europe'", 1 },
	{ "calendars:\n  c:\n    zone: right/UTC\n    hours: 24x7\n",
	  "3:11: error: there is no time zone 'right/UTC'", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {}\n",
	  "2:3: error: calendars.c has no hours: it would never open", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon: []}\n",
	  "2:3: error: calendars.c has no hours: it would never open", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {monday: \"09:00-10:00\"}\n",
	  "4:13: error: calendars.c.hours: 'monday': must be a day or days such as mon, mon-fri or \"sat,sun\"", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon-fri: \"09:00-10:00\", tue: \"09:00-10:00\"}\n",
	  "4:37: error: hours: 'tue' names a day that has its hours already", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon: 9-17}\n",
	  "4:18: error: calendars.c.hours.mon: '9-17': must be a window such as \"09:00-17:30\", up to 24:00", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon: \"9:00-17:00\"}\n",
	  "4:18: error: calendars.c.hours.mon: '9:00-17:00': must be a window such as \"09:00-17:30\", up to 24:00", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon: \"09:00-25:00\"}\n",
	  "4:18: error: calendars.c.hours.mon: '09:00-25:00': must be a window such as \"09:00-17:30\", up to 24:00", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon: \"24:00-25:00\"}\n",
	  "4:18: error: calendars.c.hours.mon: '24:00-25:00': must be a window such as \"09:00-17:30\", up to 24:00", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon: 12:30}\n",
	  "4:18: error: calendars.c.hours.mon: '12:30': must be a window such as \"09:00-17:30\", up to 24:00", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: {mon: [\"09:00-14:00\", \"13:00-18:00\"]}\n",
	  "4:34: error: the window 13:00-18:00 overlaps another one of that day", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: 24x7\n    holidays: [2026-02-30]\n",
	  "5:16: error: calendars.c.holidays: '2026-02-30': must be a date such as 2026-12-25, a yearly date such as \"-01-06\", or a file NAME.ics", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: 24x7\n    holidays: [20261225]\n",
	  "5:16: error: calendars.c.holidays: '20261225': must be a date such as 2026-12-25, a yearly date such as \"-01-06\", or a file NAME.ics", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: 24x7\n    holidays: [\"-13-01\"]\n",
	  "5:16: error: calendars.c.holidays: '-13-01': must be a date such as 2026-12-25, a yearly date such as \"-01-06\", or a file NAME.ics", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: 24x7\n    holidays: [nowhere.ics]\n",
	  "5:16: error: nowhere.ics: no such file here, in /etc/plazo/calendars or in " PLAZO_SHAREDIR "/calendars", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: 24x7\n    breaks: {yesterday: [\"12:00-13:00\"]}\n",
	  "5:14: error: calendars.c.breaks: 'yesterday': must be a date such as 2026-12-25", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: 24x7\n    breaks: {2026-01-01: []}\n",
	  "5:26: error: calendars.c.breaks.2026-01-01 must not be empty: it takes a window or a list of windows", 1 },
	{ "calendars:\n  c:\n    zone: UTC\n    hours: 24x7\n    holiday: []\n",
	  "5:5: error: unknown key 'holiday' in calendars.c, did you mean 'holidays'?", 1 },
	{ "defaults: {calendar: c}\n",
	  "1:22: error: there is no calendar 'c'", 1 },
	{ CALENDARS "defaults: {calendar: d}\n",
	  "2:22: error: there is no calendar 'd'", 1 },
	{ "calendars: {madrid: 24x7}\ndefaults: {calendar: madird}\n",
	  "2:22: error: there is no calendar 'madird', did you mean 'madrid'?", 1 },
	{ "defaults: {boundary: open}\n",
	  "1:22: error: defaults.boundary must be close or next-open, not 'open'", 1 },
	{ "defaults: {reopen: {after: resumed}}\n",
	  "1:28: error: defaults.reopen.after must be resume, new-cycle or ignore, not 'resumed', did you mean 'resume'?", 1 },
	{ "defaults: {reopen: {within: 14}}\n",
	  "1:29: error: defaults.reopen.within: \"14\" is not a duration: write it like 10s, 5m, 36h, 14d or 3y", 1 },
	{ "defaults: {on_change: no}\n",
	  "1:23: error: defaults.on_change must be retroactive or from-change, not 'no'", 1 },
	{ "defaults: {pause: pending}\n",
	  "1:19: error: defaults.pause must be a condition or a list of conditions", 1 },
	{ "defaults: {pause: {type: opened}}\n",
	  "1:20: error: unknown key 'type' in defaults.pause", 1 },
	{ "defaults: {pause: {status: []}}\n",
	  "1:28: error: defaults.pause.status must not be empty: it takes a value or a list of values", 1 },
	{ "defaults: {notify: [nobody]}\n",
	  "1:21: error: there is no receiver 'nobody'", 1 },
	{ "defaults: {escalation: e}\n",
	  "1:24: error: there is no escalation 'e'", 1 },
	{ CALENDARS "policies: {p: {metrics: {resolution: {target: 1h}}}}\n",
	  "2:12: error: policies.p has no calendar, here or in defaults", 1 },
	{ DEFAULTS "policies: {p: {}}\n",
	  "3:12: error: policies.p has no 'metrics': what is promised", 1 },
	{ DEFAULTS "policies: {p: {metrics: {}}}\n",
	  "3:25: error: policies.p.metrics must not be empty: it takes a map of names to metrics", 1 },
	{ DEFAULTS "policies: {p: {calender: c, metrics: {resolution: {target: 1h}}}}\n",
	  "3:16: error: unknown key 'calender' in policies.p, did you mean 'calendar'?", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {}\n",
	  "6:7: error: policies.p.metrics.resolution has no 'target': how long it may take", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: 1x}\n",
	  "6:28: error: policies.p.metrics.resolution.target: \"1x\" is not a duration: write it like 90s, 15m, 2h, 1h30m, 3bd, 3bd eod or none", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: 0s}\n",
	  "6:28: error: policies.p.metrics.resolution.target: '0s': a target is more than 0; `none` is no target", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: -1h}\n",
	  "6:28: error: policies.p.metrics.resolution.target: \"-1h\" is not a duration: write it like 90s, 15m, 2h, 1h30m, 3bd, 3bd eod or none", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: 3d}\n",
	  "6:28: error: '3d' counts whole days, but calendar 'c' is not always open: did you mean '3bd'?", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: {P1: soon}}\n",
	  "6:33: error: policies.p.metrics.resolution.target.P1: \"soon\" is not a duration: write it like 90s, 15m, 2h, 1h30m, 3bd, 3bd eod or none", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: []}\n",
	  "6:28: error: policies.p.metrics.resolution.target must not be empty: it takes a duration, a map of priorities to durations, or a list of {when, target}", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: [{when: {priority: P1}}]}\n",
	  "6:29: error: policies.p.metrics.resolution.target has no 'target': a duration, business days, or none", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: [{when: {prority: P1}, target: 1h}]}\n",
	  "6:37: error: unknown key 'prority' in policies.p.metrics.resolution.target.when, did you mean 'priority'?", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: [{when: {type: opened}, target: 1h}]}\n",
	  "6:37: error: unknown key 'type' in policies.p.metrics.resolution.target.when", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: [{target: 1h, calendar: x}]}\n",
	  "6:52: error: there is no calendar 'x'", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: 1h, mode: remote}\n",
	  "6:32: error: 'mode' is for the metric attendance; elsewhere it is a key of a condition", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      attendance: {target: 1h, mode: phone}\n",
	  "6:38: error: policies.p.metrics.attendance.mode must be remote, onsite or any, not 'phone'", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      x: {target: 1h, agreement: slo}\n",
	  "6:34: error: policies.p.metrics.x.agreement must be sla, ola or uc, not 'slo', did you mean 'sla'?", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      x: {target: 1h, start: []}\n",
	  "6:23: error: a metric that nothing starts", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      x: {target: 1h, start: {type: open}}\n",
	  "6:37: error: policies.p.metrics.x.start.type must be opened, changed, replied, acknowledged, attended, resolved, reopened, closed, cancelled or merged, not 'open', did you mean 'opened'?", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      x: {target: 1h, start: {public: yes}}\n",
	  "6:39: error: policies.p.metrics.x.start.public: 'yes': must be true or false", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      x: {target: 1h, while: {actor: agent}}\n",
	  "6:31: error: unknown key 'actor' in policies.p.metrics.x.while", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      x: {target: 1h, stop: {type: operned}}\n",
	  "6:36: error: policies.p.metrics.x.stop.type must be opened, changed, replied, acknowledged, attended, resolved, reopened, closed, cancelled or merged, not 'operned', did you mean 'opened'?", 1 },
	{ DEFAULTS "policies:\n  p:\n    metrics:\n      resolution: {target: ~}\n",
	  "6:28: error: policies.p.metrics.resolution.target has no value: it takes a duration, a map of priorities to durations, or a list of {when, target}", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    polcy: q\n",
	  "8:5: error: unknown key 'polcy' in contracts.k, did you mean 'policy'?", 1 },
	{ RECEIVERS "contracts: {k: {policy: q}}\n",
	  "5:25: error: there is no policy 'q'", 1 },
	{ RECEIVERS "contracts: {k: {customer: K}}\n",
	  "5:13: error: contracts.k has no 'policy': what is promised", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    calendar: x\n",
	  "8:15: error: there is no calendar 'x'", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    sites: {s: {}}\n",
	  "8:13: error: contracts.k.sites.s has no 'calendar': of tickets with this site", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    sites: {s: {calendar: x}}\n",
	  "8:27: error: there is no calendar 'x'", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    starts: 2026-13-01\n",
	  "8:13: error: contracts.k.starts: '2026-13-01': there is no such day", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    starts: 2026-05-01\n    ends: 2026-04-01\n",
	  "9:11: error: the contract ends before it starts", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    targets: {respnse: 1h}\n",
	  "8:15: error: policy 'p' has no metric 'respnse' to override", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    targets: {resolution: 2d}\n",
	  "8:27: error: '2d' counts whole days, but calendar 'c' is not always open: did you mean '2bd'?", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    targets: {resolution: {P1: later}}\n",
	  "8:32: error: contracts.k.targets.resolution.P1: \"later\" is not a duration: write it like 90s, 15m, 2h, 1h30m, 3bd, 3bd eod or none", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    escalation: nobody\n",
	  "8:17: error: there is no escalation 'nobody'", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    escalation: {P1: nobody}\n",
	  "8:22: error: there is no escalation 'nobody'", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    escalation: [{when: {priority: P1}}]\n",
	  "8:18: error: contracts.k.escalation has no 'escalation': name of an escalation, or none", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    relationship: friendly\n",
	  "8:19: error: contracts.k.relationship must be basic, collaborative or strategic, not 'friendly'", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    attainment: [{metric: resolution, goal: 95, over: month}]\n",
	  "8:45: error: contracts.k.attainment.goal: '95': must be a percentage such as 95%", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    reviews: [{kind: sync}]\n",
	  "8:15: error: contracts.k.reviews has no 'to': receivers", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    costs: {currency: EUR, monthly_fee: lots}\n",
	  "8:41: error: contracts.k.costs.monthly_fee: 'lots': must be a number such as 500 or 12.50", 1 },
	{ RECEIVERS "contracts:\n  k:\n    policy: p\n    customer: null\n",
	  "8:15: error: contracts.k.customer has no value: it takes a text", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: 100%, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:12: error: escalations.e.at: '100%': a percentage is a whole one from 1% to 99%", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: 0%, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:12: error: escalations.e.at: '0%': a percentage is a whole one from 1% to 99%", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: 12.5%, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:12: error: escalations.e.at: '12.5%': a percentage is a whole one from 1% to 99%", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: due+30m, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:12: error: escalations.e.at: 'due+30m': must be 75%, due-30m, breach or breach+30m", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: due-, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:12: error: escalations.e.at: \"\" is not a duration: write it like 10s, 5m, 36h, 14d or 3y", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: due-0m, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:12: error: escalations.e.at: 'due-0m': must be more than 0", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:7: error: escalations.e has no 'notify': receivers", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach, notify: []}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:28: error: escalations.e.notify must not be empty: it takes a name or a list of names", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach, notify: [x]}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:29: error: there is no receiver 'x'", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach, notify: [r, r]}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:32: error: receiver 'r' stands twice", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach, notify: r}\n    - {at: breach, notify: s}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "8:12: error: the step at 'breach' stands twice", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: due-60m, notify: r}\n    - {at: due-1h, notify: s}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "8:12: error: the step at 'due-60m' stands twice", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach+30m, every: 30m, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:24: error: 'every' without 'times' would never end: say how often in all", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach+30m, times: 2, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:24: error: 'times' goes with 'every'", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: 75%, every: 30m, times: 2, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:17: error: only steps after the breach (breach+30m) repeat", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach+30m, every: 30m, times: 2000, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:43: error: more than 1000 times", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: 75%, by: wall, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:17: error: 'by: wall' is for due-… and breach+…: '75%' is an instant already", 1 },
	{ RECEIVERS "escalations:\n  e:\n    - {at: breach+1h, by: clock, notify: r}\ncontracts: {k: {policy: p, escalation: e}}\n",
	  "7:27: error: escalations.e.by must be wall or calendar, not 'clock'", 1 },
	{ "escalations: {none: [{at: breach, notify: r}]}\nreceivers: {r: {log: {}}}\n",
	  "1:15: error: 'none' means no escalation: it cannot be the name of one", 1 },
	{ "escalations: {e: []}\n",
	  "1:18: error: escalations.e must not be empty: it takes a list of steps", 1 },
	{ "receivers:\n  r: {}\n",
	  "2:6: error: receivers.r must not be empty: it takes a map with log, webhook or email", 1 },
	{ "receivers:\n  r: {language: es}\n",
	  "2:3: error: receivers.r has no kind: log, webhook, email or another", 1 },
	{ "receivers:\n  r: {log: {}, webhook: {url: http://x}}\n",
	  "2:16: error: a receiver has one kind: 'log' stands here already", 1 },
	{ "receivers:\n  r: {lgo: {}}\n",
	  "2:7: error: unknown key 'lgo' in receivers.r, did you mean 'log'?", 1 },
	{ "receivers:\n  r: {log: {file: x}}\n",
	  "2:13: error: unknown key 'file' in receivers.r.log", 1 },
	{ "receivers:\n  r: {webhook: {}}\n",
	  "2:7: error: receivers.r.webhook has no 'url': where alerts are posted", 1 },
	{ "receivers:\n  r: {webhook: {url: x}}\n",
	  "2:22: error: receivers.r.webhook.url: 'x': must be a URL such as https://ops.example.com/hook", 1 },
	{ "receivers:\n  r: {webhook: {url: \"http://169.254.169.254/\"}}\n",
	  "2:22: error: receivers.r.webhook.url: 'http://169.254.169.254/': link-local addresses (169.254/16, fe80::/10) are refused", 1 },
	{ "receivers:\n  r: {webhook: {url: \"http://[fe80::1]/\"}}\n",
	  "2:22: error: receivers.r.webhook.url: 'http://[fe80::1]/': link-local addresses (169.254/16, fe80::/10) are refused", 1 },
	{ "receivers:\n  r: {email: {to: [a@b]}}\n",
	  "2:7: error: a receiver by email needs the section 'email' with smtp and from", 1 },
	{ "receivers:\n  r: {email: {to: [nobody]}}\n",
	  "2:7: error: a receiver by email needs the section 'email' with smtp and from", 2 },
	{ "receivers:\n  r: {log: {}, fallback: q}\n",
	  "2:26: error: there is no receiver 'q'", 1 },
	{ "receivers:\n  r: {log: {}, fallback: r}\n",
	  "2:26: error: the fallbacks of 'r' lead back to it", 1 },
	{ "receivers:\n  a: {log: {}, fallback: b}\n  b: {log: {}, fallback: a}\n",
	  "2:26: error: the fallbacks of 'a' lead back to it", 1 },
	{ "receivers:\n  r: {log: {}, language: fr}\n",
	  "2:26: error: receivers.r.language must be en or es, not 'fr'", 1 },
	{ "receivers:\n  r: {log: {}, zone: Mars/Base}\n",
	  "2:22: error: there is no time zone 'Mars/Base'", 1 },
	{ "receivers:\n  r: {log: }\n",
	  "2:12: error: receivers.r.log has no value: it takes {}", 1 },
	{ "email: {from: a@b}\n",
	  "1:1: error: email has no 'smtp': the mail server", 1 },
	{ "email: {smtp: \"http://x\", from: a@b}\n",
	  "1:15: error: email.smtp: 'http://x': must be a URL such as smtp://127.0.0.1:25", 1 },
	{ "email: {smtp: \"smtp://mail.example.com\", from: a@b, tls: none}\n",
	  "1:58: error: mail without TLS is for loopback alone, not for mail.example.com", 1 },
	{ "email: {smtp: \"smtp://127.0.0.1\", from: \"A <a@b\"}\n",
	  "1:41: error: email.from: nothing follows the <address>", 1 },
	{ "email: {smtp: \"smtp://127.0.0.1\", from: a@b, password: {env: X}}\n",
	  "1:46: error: a password without a user", 1 },
	{ "email: {smtp: \"smtp://127.0.0.1\", from: a@b, user: plazo}\n",
	  "1:46: error: a user without a password", 1 },
	{ CONTRACT "sources:\n  h: {}\n",
	  "7:6: error: sources.h must not be empty: it takes a map with webhook or redis", 1 },
	{ CONTRACT "sources:\n  h: {grace: 10s}\n",
	  "7:3: error: sources.h is either a webhook or a stream in redis", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {}}\n",
	  "7:7: error: sources.h.webhook has no 'verify': how a request is proven", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: hmac, secret: {env: S}}}}\n",
	  "7:32: error: sources.h.webhook.verify.kind must be standard-webhooks, hub-signature-256, hub-signature, zendesk, glpi, token, bearer, basic or none, not 'hmac'", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: bearer}}}\n",
	  "7:17: error: verify by bearer needs a 'secret'", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: none, secret: {env: S}}}}\n",
	  "7:38: error: 'secret' makes no sense with kind none", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: token, secret: {env: S}}}}\n",
	  "7:17: error: verify by token needs 'header'", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: basic, secret: {env: S}}}}\n",
	  "7:17: error: verify by basic needs 'user'", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: bearer, secret: {env: S}, header: X}}}\n",
	  "7:58: error: 'header' goes with kind token alone", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: bearer, secret: [{env: A}, {env: B}, {env: C}]}}}\n",
	  "7:48: error: at most two secrets: the one in use, and the one that is rotated out", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: none}}, contracts: [kk]}\n",
	  "7:52: error: there is no contract 'kk'", 1 },
	{ CONTRACT "sources:\n  h/x: {webhook: {verify: {kind: none}}}\n",
	  "7:3: error: the name of a source stands in its URL: letters, digits, '.', '_' and '-' alone", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: none}}, redis: {url: redis://x, stream: s}}\n",
	  "7:3: error: sources.h is either a webhook or a stream in redis", 1 },
	{ CONTRACT "sources:\n  h: {redis: {stream: s}}\n",
	  "7:7: error: a source in redis needs a 'url' such as redis://host:6379/0, or 'sentinels' and 'master'", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: token, header: \"X Y\", secret: {env: S}}}}\n",
	  "7:47: error: sources.h.webhook.verify.header: 'X Y': not the name of an HTTP header", 1 },
	{ CONTRACT "sources:\n  h: {webhook: {verify: {kind: bearer, secret: {vault: x}}}}\n",
	  "7:49: error: unknown key 'vault' in sources.h.webhook.verify.secret", 1 },
	{ "receivers: {r: {webhook: {url: \"http://x\", secret: \"s3\\tcret\"}}}\n",
	  "1:52: error: receivers.r.webhook.secret: has control characters", 1 },
	{ "receivers: {r: {email: {to: \"a@-b\"}}}\nemail: {smtp: \"smtp://127.0.0.1\", from: a@b}\n",
	  "1:29: error: receivers.r.email.to: must be a mail address such as ops@example.com", 1 },
	{ "receivers: {r: {email: {to: \".a@b.example\"}}}\nemail: {smtp: \"smtp://127.0.0.1\", from: a@b}\n",
	  "1:29: error: receivers.r.email.to: must be a mail address such as ops@example.com", 1 },
	{ "receivers: {r: {email: {to: \"a@b@c\"}}}\nemail: {smtp: \"smtp://127.0.0.1\", from: a@b}\n",
	  "1:29: error: receivers.r.email.to: must be a mail address such as ops@example.com", 1 },
	{ "receivers: {r: {email: {to: \"a@b.\"}}}\nemail: {smtp: \"smtp://127.0.0.1\", from: a@b}\n",
	  "1:29: error: receivers.r.email.to: must be a mail address such as ops@example.com", 1 },
	{ "receivers: {r: {email: {to: \"a b@c\"}}}\nemail: {smtp: \"smtp://127.0.0.1\", from: a@b}\n",
	  "1:29: error: receivers.r.email.to: must be a mail address such as ops@example.com", 1 },
	{ "sources: {s: {namespace: a/b, webhook: {verify: {kind: none}}}}\n",
	  "1:26: error: the namespace stands before a '/' in NAMESPACE/ID: it has none in it, and is neither '.' nor '..'", 1 },
	{ "sources: {s: {namespace: .., webhook: {verify: {kind: none}}}}\n",
	  "1:26: error: the namespace stands before a '/' in NAMESPACE/ID: it has none in it, and is neither '.' nor '..'", 1 },
	{ "sources: {..: {webhook: {verify: {kind: none}}}}\n",
	  "1:11: error: the name of a source stands in its URL, which cannot end in '..'", 1 },
	{ "email: {smtp: \"smtp://127.mail.example.com\", from: a@b, tls: none}\n",
	  "1:62: error: mail without TLS is for loopback alone, not for 127.mail.example.com", 1 },
	{ "maps: {m: {ticket: {from: /x}}}\n",
	  "1:21: error: unknown key 'from' in maps.m.ticket", 1 },
	{ "maps: {m: {ticket: {at: /x, as: text}}}\n",
	  "1:33: error: maps.m.ticket.as must be string, number, time, list or bool, not 'text'", 1 },
	{ "templates: {t: []}\n",
	  "1:16: error: templates.t must be a text, not a list", 1 },
	{ "include: {a: b}\n",
	  "1:10: error: include must be a path or a list of paths, not a map", 1 },
	{ "include: missing.yaml\n",
	  "1:10: error: missing.yaml: no such file", 1 },
	{ "{\"server\": {\"listen\": 5}}",
	  "1:23: error: server.listen: '5': must be an address such as 127.0.0.1:8970, [::1]:8970 or unix:/run/plazo/http.sock", 1 },
	{ "{\"a\":1}",
	  "1:2: error: unknown key 'a' in the configuration", 1 },
};

/* "LINE:COL: error: SENTENCE" of the first error. */
static void first_error(const struct problems *p, char *out, size_t size)
{
	snprintf(out, size, "none");
	for (size_t i = 0; i < p->n; i++) {
		const struct config_problem *x = &p->v[i];

		if (!x->warning) {
			snprintf(out, size, "%u:%u: error: %s", x->line ? x->line : 1, x->col ? x->col : 1, x->msg);
			return;
		}
	}
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct problems p;
		struct config *cfg = NULL;
		char said[2048];

		problems_init(&p);
		assert_int_equal(config_load_text("c.yaml", str_of(bad[i].text), &options, &cfg, &p), ERR_SYNTAX);
		assert_null(cfg);
		first_error(&p, said, sizeof said);
		assert_string_equal(said, bad[i].first);
		assert_int_equal(p.n_errors, bad[i].n_errors);
		problems_finish(&p);
	}
}

/* One mistake in each of several sections: all are told, in the order of the file. */
static void test_all_at_once(void **state)
{
	static const char text[] = "srver: {}\n"
				   "calendars: {c: {zone: Europe/Madrd, hours: 24x7}}\n"
				   "policies: {p: {calendar: d, metrics: {resolution: {target: 4x}}}}\n"
				   "contracts: {k: {policy: q}}\n"
				   "receivers: {r: {webhook: {url: nowhere}}}\n";
	static const unsigned lines[] = { 1, 2, 3, 3, 4, 5 };
	struct problems p;
	struct config *cfg = NULL;
	struct buf b;

	(void)state;
	problems_init(&p);
	buf_init(&b, 65536);
	assert_int_equal(config_load_text("c.yaml", STR(text), &options, &cfg, &p), ERR_SYNTAX);
	assert_int_equal(p.n_errors, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(p.v[i].line, lines[i]);
	problems_write(&p, &b);
	assert_non_null(strstr(buf_cstr(&b), "c.yaml:1:1: error: unknown key 'srver' in the configuration, did you mean 'server'?\n"));
	assert_non_null(strstr(buf_cstr(&b), "c.yaml:5:32: error: receivers.r.webhook.url: 'nowhere': must be a URL"));
	buf_finish(&b);
	problems_finish(&p);
}

/* Of a time that is allowed: sanitizers and valgrind make everything slow. */
static double patience(double seconds)
{
	const char *z = getenv("PLAZO_SAN");

	return z != NULL && *z != '\0' ? 30 * seconds : seconds;
}

static double load_seconds(const char *text, size_t len, struct problems *p)
{
	struct config *cfg = NULL;
	struct timespec a, b;

	problems_init(p);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(config_load_text("c.yaml", (struct str){ text, len }, &options, &cfg, p), ERR_SYNTAX);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void assert_hostile(const char *text, size_t len, const char *first)
{
	struct problems p;
	char said[2048];
	double seconds = load_seconds(text, len, &p);

	first_error(&p, said, sizeof said);
	assert_string_equal(said, first);
	/* Sanitizers and a busy machine included; left to itself, libyaml takes 26 seconds for the brackets. */
	assert_true(seconds < 2.0);
	problems_finish(&p);
}

static void fill(char *text, const char *unit, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * strlen(unit), unit, strlen(unit));
}

static void test_hostile(void **state)
{
	size_t n = 100000;
	char *text = malloc(2u << 20);

	(void)state;
	assert_non_null(text);
	fill(text, "[", n);
	assert_hostile(text, n, "1:17: error: nested deeper than 16 levels");
	fill(text, "- ", n);
	assert_hostile(text, 2 * n, "1:33: error: nested deeper than 16 levels");
	fill(text, "? ", n);
	assert_hostile(text, 2 * n, "1:3: error: a key must be a plain word or a quoted text");
	fill(text, "a: &a [*a]\n", 1000);
	assert_hostile(text, 11000, "1:4: error: anchors (&), aliases (*) and tags (!) are not allowed: put the text in quotes, or say it in full");
	fill(text, "x", 2u << 20);
	assert_hostile(text, 2u << 20, "1:1: error: larger than 1 MiB");
	assert_hostile("a: \xff\n", 5, "1:1: error: not UTF-8 text");
	assert_hostile("\xff\xfe{\0}\0", 6, "1:1: error: not UTF-8 text");
	assert_hostile("a: b\0c\n", 7, "1:1: error: not UTF-8 text");
	assert_hostile("server: {listen: \x01}\n", 20, "1:18: error: control characters are not allowed");
	assert_hostile("\"a\\nb\": 1\n", 10, "1:1: error: unknown key 'a?b' in the configuration");
	free(text);
}

/* Thousands of mistakes: the first hundred are told, the rest is counted, and it takes no time. */
static void test_many(void **state)
{
	size_t n = 40000, len = 0;
	char *text = malloc(1u << 20);
	struct problems p;
	struct buf b;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "key%zu: 1\n", i);
	assert_true(load_seconds(text, len, &p) < patience(5.0));
	assert_int_equal(p.n_errors, n);
	assert_int_equal(p.n, 100);
	buf_init(&b, 1u << 20);
	problems_write(&p, &b);
	assert_non_null(strstr(buf_cstr(&b), "and 39900 more errors\n"));
	buf_finish(&b);
	problems_finish(&p);
	free(text);
}

/* What stands in a file may be any character: a sentence about it is one line that moves no cursor. */
/* What one mail can name is as many as plazod takes. */
static void test_recipients(void **state)
{
	for (int n = 64; n <= 65; n++) {
		char text[4096] = "email: {smtp: \"smtp://127.0.0.1\", from: a@b}\nreceivers: {r: {email: {to: [", said[2048];
		struct problems p;
		struct config *cfg = NULL;

		(void)state;
		for (int i = 0; i < n; i++)
			snprintf(text + strlen(text), 32, "%sa%d@b", i > 0 ? ", " : "", i);
		snprintf(text + strlen(text), 32, "]}}}\n");
		problems_init(&p);
		assert_int_equal(config_load_text("c.yaml", str_of(text), &options, &cfg, &p), n > 64 ? ERR_SYNTAX : ERR_OK);
		first_error(&p, said, sizeof said);
		assert_string_equal(said, n > 64 ? "2:29: error: more than 64 addresses: use a receiver more" : "none");
		config_unref(cfg);
		problems_finish(&p);
	}
}

static void test_sentences_have_no_controls(void **state)
{
	struct config *cfg = NULL;
	struct problems p;
	struct buf b;

	(void)state;
	problems_init(&p);
	buf_init(&b, 1 << 16);
	assert_int_equal(config_load_text("c.yaml", STR("\"a\\tb\\x7fc\": 1\n\"a\\tb\\x7fc\": 2\n"), &options, &cfg, &p), ERR_SYNTAX);
	problems_write(&p, &b);
	assert_non_null(strstr(buf_cstr(&b), "c.yaml:2:1: error: the key 'a?b?c' stands twice"));
	assert_null(strpbrk(buf_cstr(&b), "\t\x7f"));
	buf_finish(&b);
	problems_finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_sentences_have_no_controls),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
