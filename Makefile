# plazo: one file, no recursion. `make help` lists what there is.
# SAN=address,undefined or SAN=thread builds everything once more, under build-san-*/. V=1 shows the commands whole.

PREFIX  ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC      := gcc
endif
PKG_CONFIG ?= pkg-config
SAN     ?=
V       ?=
VERSION := 0.1.0

comma := ,
# A line for each thing that is made, or with V=1 the command: $(call say,CC  $<)command
say = $(if $(V),,@echo "$(1)"; )
B := build$(if $(SAN),-san-$(subst $(comma),-,$(SAN)))

# ---- what is compiled: one list a layer, in the order of the layers ----
SRC_base   := arena buf civil err heap json json_member json_node json_out json_string log map now reader siphash str thread versions wall xalloc
SRC_core   := alert calendar calendar_days calendar_walk clock cond effects engine engine_apply engine_row engine_table engine_view escalate escalate_due event fired forget history metric relevance revisions rules span symbols ticket ticket_track zone zone_rule
SRC_config := calendars cond config contracts differences digest emit escalations ical include keys keys_sources lint load metrics node policies problems \
	receivers redis scalar scalar_net scalar_time schema secrets server show sources targets yaml zones
SRC_ingest := apart cloudevents event_fields event_json event_plain event_whole http_chunk http_conn http_head http_reply http_server http_socket http_stream http_sweep http_text intake intake_answer intake_form media_type problem stream stream_batch stream_bridge stream_dial stream_fill stream_handshake stream_link stream_options stream_read stream_reply stream_sentinel stream_settle stream_tls stream_watch stream_words verify
SRC_store  := ahead bloom copy db db_file db_log db_open exec load queue rewrite rows schema store streams task trouble verdicts worker
SRC_notify := attempt dispatch easy endpoint flight line mail notify own phrases queue receiver retry settings sign smtp smtp_job text text_clean webhook
SRC_web    := auth metrics route ticket_json
SRC_daemon := afterword api api_acts api_dead api_metrics api_query api_refused api_scan api_status api_streams api_ticket backup clockwatch force forget journal listen lookup main memory operator options outbox pace parking past plight preview recover refused reload reload_answer restart snapshot streams systemd tail turn underway writer
SRC_ctl    := backup calendar_cmd check client dead explain import io main refused remote render show simulate

# ---- flags ----
PKGS     := libevent libevent_pthreads libcurl yaml-0.1 libsystemd hiredis sqlite3 libical libcrypto
# hiredis speaks TLS from 1.0 on; Debian 12 has 0.14.
ifeq ($(shell $(PKG_CONFIG) --exists hiredis_ssl libssl 2>/dev/null && echo yes),yes)
PKGS     += hiredis_ssl libssl
TLS_CF   := -DPLAZO_HIREDIS_SSL
endif
PKG_CF    = $(shell $(PKG_CONFIG) --cflags $(PKGS)) $(TLS_CF)
PKG_LD    = $(shell $(PKG_CONFIG) --libs $(PKGS))

WARN := -Wall -Wextra -Wformat=2 -Werror=format-security -Wshadow -Wconversion -Wnull-dereference -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wcast-qual -Walloca -Wimplicit-fallthrough -Werror=implicit \
	-Werror=incompatible-pointer-types -Werror=int-conversion $(WERROR)
WARN_GCC := -Wlogical-op -Wduplicated-cond -Wbidi-chars=any
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -fno-strict-aliasing -fno-strict-overflow \
	-fno-delete-null-pointer-checks
HARDEN_RELEASE := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
HARDEN_GCC := -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
HARDEN_x86_64  := -fcf-protection=full
HARDEN_aarch64 := -mbranch-protection=standard
# gcc 12 zeroes and copies a struct of some hundred bytes by "rep stos" and "rep movs", whose start costs more than the whole should: a tenth of an event.
STRUCTS := unrolled_loop:256:noalign,libcall:-1:noalign
GCC_x86_64 := -mmemset-strategy=$(STRUCTS) -mmemcpy-strategy=$(STRUCTS)
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
HARDEN  += $(HARDEN_$(firstword $(subst -, ,$(MACHINE))))

CFLAGS_ALL := -std=c17 -D_GNU_SOURCE -DPLAZO_VERSION='"$(VERSION)"' -DPLAZO_SHAREDIR='"$(PREFIX)/share/plazo"' -O2 -g -pthread $(WARN) $(HARDEN) -Iinclude -Isrc $(CPPFLAGS)
ifneq ($(shell $(CC) --version 2>/dev/null | grep -c clang),0)
CFLAGS_ALL += -Wno-gnu-zero-variadic-macro-arguments
else
CFLAGS_ALL += $(WARN_GCC) $(if $(SAN),,$(HARDEN_GCC)) $(GCC_$(firstword $(subst -, ,$(MACHINE))))
endif
ifeq ($(SAN),)
CFLAGS_ALL += $(HARDEN_RELEASE)
else
CFLAGS_ALL += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -U_FORTIFY_SOURCE
endif
# gcc looks at each of the two programs as a whole, which spares a tenth of the instructions; tests are linked from the same objects, without.
# LTO= does not, and saves some seconds a build.
ifeq ($(SAN)$(shell $(CC) --version 2>/dev/null | grep clang),)
LTO := -flto=auto -ffat-lto-objects
endif
# Objects remember how they were optimized, but not what to call the folder they were built in (-ffile-prefix-map of a package): that is said again.
LTO_LD := $(LTO) $(if $(LTO),$(CFLAGS))
CFLAGS_ALL += $(CFLAGS)
LDFLAGS_ALL := -fPIE -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# llhttp: Debian 13 and later have a library; Debian 12 ships its C sources in node-llhttp.
LLHTTP_DIR := /usr/share/llhttp
ifeq ($(shell $(PKG_CONFIG) --exists libllhttp 2>/dev/null && echo yes),yes)
LLHTTP_CF  := $(shell $(PKG_CONFIG) --cflags libllhttp)
LLHTTP_LD  := $(shell $(PKG_CONFIG) --libs libllhttp)
LLHTTP_OBJ :=
else
LLHTTP_CF  := -I/usr/share/include/llhttp
LLHTTP_LD  :=
LLHTTP_OBJ := $(B)/llhttp/llhttp.o $(B)/llhttp/api.o $(B)/llhttp/http.o
endif

# ---- objects ----
obj = $(foreach l,$(1),$(patsubst %,$(B)/$(l)/%.o,$(SRC_$(l))))
LIB_LAYERS := base core config ingest store notify web
LIB_OBJ    := $(call obj,$(LIB_LAYERS)) $(LLHTTP_OBJ)
CTL_OBJ    := $(call obj,ctl)
DAEMON_OBJ := $(call obj,daemon)
LIB        := $(B)/libplazo.a

.DELETE_ON_ERROR:
.PHONY: all deps run check lint bench install clean help
all: $(B)/plazod $(B)/plazoctl  ## build plazod and plazoctl (the default); CC=clang and SAN=address,undefined are understood

# What was compiled with other flags, or by another compiler, is compiled anew.
FLAGS_NOW := $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LTO)
$(B)/flags: force
	@mkdir -p $(B)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@
.PHONY: force
force:

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(call say,AR  $@)$(AR) rcs $@ $^

$(B)/plazod: $(DAEMON_OBJ) $(LIB)
	$(call say,LD  $@)$(CC) $(LDFLAGS_ALL) $(LTO_LD) -o $@ $^ $(PKG_LD) $(LLHTTP_LD)

$(B)/plazoctl: $(CTL_OBJ) $(LIB)
	$(call say,LD  $@)$(CC) $(LDFLAGS_ALL) $(LTO_LD) -o $@ $^ $(PKG_LD) $(LLHTTP_LD)

$(B)/%.o: src/%.c $(B)/flags
	@mkdir -p $(dir $@)
	$(call say,CC  $<)$(CC) $(CFLAGS_ALL) $(LTO) $(PKG_CF) $(LLHTTP_CF) -MMD -MP -c -o $@ $<

$(B)/llhttp/%.o: $(LLHTTP_DIR)/%.c $(B)/flags
	@mkdir -p $(dir $@)
	$(call say,CC  $<)$(CC) -std=c17 -D_GNU_SOURCE -O2 -g $(HARDEN) $(CPPFLAGS) $(if $(SAN),-fsanitize=$(SAN),$(HARDEN_RELEASE)) $(LTO) $(CFLAGS) -DLLHTTP_STRICT_MODE=1 -w $(LLHTTP_CF) -c -o $@ $<

-include $(wildcard $(B)/*/*.d)

include tests/tests.mk

# ---- what is needed, and a first look ----
deps:  ## install the Debian packages that the build needs and that are missing (apt; sudo when not root)
	@packaging/deps build

run:  ## build, start a plazod of its own and watch alerts of a dozen tickets arrive, within a minute
	@packaging/deps build
	@$(MAKE) --no-print-directory all
	@/usr/bin/python3 conf/demo/demo.py --build $(B)

# ---- install ----
# The configuration is in /etc whatever the PREFIX: that is where plazod and plazoctl look for it.
CONFDIR  := /etc/plazo
DOCDIR   := $(PREFIX)/share/doc/plazo
MANPAGES := plazod.8 plazoctl.1 plazod.yaml.5
MANDIRS  := share/man/man1 share/man/man5 share/man/man8
COMPDIR  := share/bash-completion/completions
AT_PLACE := sed -e 's,/usr/sbin/plazod,$(PREFIX)/sbin/plazod,g' -e 's,/usr/share/,$(PREFIX)/share/,g'

install: all  ## install under DESTDIR and PREFIX (/usr/local); a configuration that is there already stays
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,sbin bin lib/systemd/system lib/sysusers.d lib/tmpfiles.d $(MANDIRS) $(COMPDIR)) $(DESTDIR)$(DOCDIR)
	install -d -m 0750 $(DESTDIR)$(CONFDIR)
	install -m 0755 $(B)/plazod $(DESTDIR)$(PREFIX)/sbin/plazod
	install -m 0755 $(B)/plazoctl $(DESTDIR)$(PREFIX)/bin/plazoctl
	for u in plazod.service plazod.socket; do $(AT_PLACE) systemd/$$u > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u || exit 1; done
	$(AT_PLACE) systemd/sysusers.conf > $(DESTDIR)$(PREFIX)/lib/sysusers.d/plazo.conf
	$(AT_PLACE) systemd/tmpfiles.conf > $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/plazo.conf
	test -e $(DESTDIR)$(CONFDIR)/plazod.yaml || install -m 0640 conf/minimal.yaml $(DESTDIR)$(CONFDIR)/plazod.yaml
	if ls conf/calendars/*.ics >/dev/null 2>&1; then install -d $(DESTDIR)$(PREFIX)/share/plazo/calendars && \
		install -m 0644 conf/calendars/*.ics $(DESTDIR)$(PREFIX)/share/plazo/calendars; fi
	for m in $(MANPAGES); do install -m 0644 packaging/man/$$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$m || exit 1; done
	install -m 0644 packaging/completions/plazoctl.bash $(DESTDIR)$(PREFIX)/$(COMPDIR)/plazoctl
	install -m 0644 README.md HACKING.md NEWS.md LICENSE conf/plazod.yaml conf/configuration.md $(DESTDIR)$(DOCDIR)

dist:  ## a source archive of the last commit
	git archive --prefix=plazo-$(VERSION)/ -o plazo-$(VERSION).tar.gz HEAD

deb:  ## the Debian package of the last commit, under build/deb
	@packaging/deps build test deb
	@packaging/deb $(abspath build/deb)

clean:  ## remove everything that was built
	rm -rf build build-*

help:  ## this list
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):.*  ## /\1\t/' | while read -r t d; do \
		printf '  make %-14s %s\n' "$$t" "$$d"; done
	@echo "  SAN=address,undefined or SAN=thread builds everything once more, under build-san-*/"
