# plazo: one file, no recursion. `make help` lists what there is.
# SAN=address,undefined or SAN=thread builds everything once more, under build-san-*/.

PREFIX  ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC      := gcc
endif
SAN     ?=
VERSION := 0.1.0

comma := ,
B := build$(if $(SAN),-san-$(subst $(comma),-,$(SAN)))

# ---- what is compiled: one list a layer, in the order of the layers ----
SRC_base   := arena buf civil err heap json json_member json_node json_out json_string log map now siphash str wall xalloc
SRC_core   := alert calendar calendar_days calendar_walk clock cond effects engine engine_row engine_table engine_view escalate event fired history metric rules span symbols ticket zone zone_rule
SRC_config := calendars cond config contracts digest emit escalations ical include keys keys_sources lint load metrics node policies problems \
	receivers redis scalar scalar_net scalar_time schema secrets server show sources targets yaml zones
SRC_ingest := event_fields event_json http_chunk http_conn http_head http_reply http_server http_stream http_text intake intake_answer problem verify
SRC_store  := bloom db db_file exec load queue rows store task trouble worker
SRC_notify := attempt dispatch flight mail notify phrases queue receiver retry settings sign smtp smtp_job text text_clean webhook
SRC_web    := auth metrics route ticket_json
SRC_daemon := afterword api api_acts api_metrics api_scan api_status api_ticket clockwatch force journal listen lookup main options outbox recover reload snapshot systemd tail turn writer
SRC_ctl    := calendar_cmd check client explain import io main remote render show simulate

# ---- flags ----
PKGS     := libevent libevent_pthreads libcurl yaml-0.1 libsystemd hiredis sqlite3 libical libcrypto
PKG_CF    = $(shell pkg-config --cflags $(PKGS))
PKG_LD    = $(shell pkg-config --libs $(PKGS))

WARN := -Wall -Wextra -Wformat=2 -Werror=format-security -Wshadow -Wconversion -Wnull-dereference -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wcast-qual -Walloca -Wimplicit-fallthrough -Werror=implicit \
	-Werror=incompatible-pointer-types -Werror=int-conversion $(WERROR)
WARN_GCC := -Wlogical-op -Wduplicated-cond -Wbidi-chars=any
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -fno-strict-aliasing -fno-strict-overflow \
	-fno-delete-null-pointer-checks
HARDEN_RELEASE := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
HARDEN_GCC := -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
HARDEN_X86 := -fcf-protection=full
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)

CFLAGS_ALL := -std=c17 -D_GNU_SOURCE -DPLAZO_VERSION='"$(VERSION)"' -DPLAZO_SHAREDIR='"$(PREFIX)/share/plazo"' -O2 -g -pthread $(WARN) $(HARDEN) -Iinclude -Isrc
ifneq ($(shell $(CC) --version 2>/dev/null | grep -c clang),0)
CFLAGS_ALL += -Wno-gnu-zero-variadic-macro-arguments
else
CFLAGS_ALL += $(WARN_GCC) $(if $(SAN),,$(HARDEN_GCC))
endif
ifneq ($(findstring x86_64,$(MACHINE)),)
CFLAGS_ALL += $(HARDEN_X86)
endif
ifeq ($(SAN),)
CFLAGS_ALL += $(HARDEN_RELEASE)
else
CFLAGS_ALL += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer -U_FORTIFY_SOURCE
endif
CFLAGS_ALL += $(CFLAGS)
LDFLAGS_ALL := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# llhttp: Debian 13 and later have a library; Debian 12 ships its C sources in node-llhttp.
LLHTTP_DIR := /usr/share/llhttp
ifeq ($(shell pkg-config --exists libllhttp 2>/dev/null && echo yes),yes)
LLHTTP_CF  := $(shell pkg-config --cflags libllhttp)
LLHTTP_LD  := $(shell pkg-config --libs libllhttp)
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
FLAGS_NOW := $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL)
$(B)/flags: force
	@mkdir -p $(B)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@
.PHONY: force
force:

$(LIB): $(LIB_OBJ)
	@rm -f $@
	@echo "AR  $@"; ar rcs $@ $^

$(B)/plazod: $(DAEMON_OBJ) $(LIB)
	@echo "LD  $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LD) $(LLHTTP_LD)

$(B)/plazoctl: $(CTL_OBJ) $(LIB)
	@echo "LD  $@"; $(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LD) $(LLHTTP_LD)

$(B)/%.o: src/%.c $(B)/flags
	@mkdir -p $(dir $@)
	@echo "CC  $<"; $(CC) $(CFLAGS_ALL) $(PKG_CF) $(LLHTTP_CF) -MMD -MP -c -o $@ $<

$(B)/llhttp/%.o: $(LLHTTP_DIR)/%.c $(B)/flags
	@mkdir -p $(dir $@)
	@echo "CC  $<"; $(CC) -std=c17 -D_GNU_SOURCE -O2 -g $(HARDEN) $(if $(SAN),-fsanitize=$(SAN)) -DLLHTTP_STRICT_MODE=1 -w $(LLHTTP_CF) -c -o $@ $<

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
AT_PLACE := sed -e 's,/usr/sbin/plazod,$(PREFIX)/sbin/plazod,g' -e 's,/usr/share/,$(PREFIX)/share/,g'

install: all  ## install under DESTDIR and PREFIX (/usr/local); a configuration that is there already stays
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(DOCDIR)
	install -d -m 0750 $(DESTDIR)$(CONFDIR)
	install -m 0755 $(B)/plazod $(DESTDIR)$(PREFIX)/sbin/plazod
	install -m 0755 $(B)/plazoctl $(DESTDIR)$(PREFIX)/bin/plazoctl
	for u in plazod.service plazod.socket; do $(AT_PLACE) systemd/$$u > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u || exit 1; done
	$(AT_PLACE) systemd/sysusers.conf > $(DESTDIR)$(PREFIX)/lib/sysusers.d/plazo.conf
	$(AT_PLACE) systemd/tmpfiles.conf > $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/plazo.conf
	test -e $(DESTDIR)$(CONFDIR)/plazod.yaml || install -m 0640 conf/minimal.yaml $(DESTDIR)$(CONFDIR)/plazod.yaml
	if ls conf/calendars/*.ics >/dev/null 2>&1; then install -d $(DESTDIR)$(PREFIX)/share/plazo/calendars && \
		install -m 0644 conf/calendars/*.ics $(DESTDIR)$(PREFIX)/share/plazo/calendars; fi
	install -m 0644 README.md HACKING.md NEWS.md LICENSE conf/plazod.yaml $(DESTDIR)$(DOCDIR)

dist:  ## a source archive of the last commit
	git archive --prefix=plazo-$(VERSION)/ -o plazo-$(VERSION).tar.gz HEAD

clean:  ## remove everything that was built
	rm -rf build build-*

help:  ## this list
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z-]+):.*  ## /\1\t/' | while read -r t d; do \
		printf '  make %-10s %s\n' "$$t" "$$d"; done
	@echo "  SAN=address,undefined or SAN=thread builds everything once more, under build-san-*/"
